/**
 * The query language of search: `word`, `prefix*`, `*part*`, `"a phrase"`, `/regex/i`, and `-` before any of them. All
 * terms must match in one line. matcher.ts gives the terms their meaning.
 */
import { ServiceError } from '../../lib/errors.ts';
import { compileExpression, type Expression } from '../../lib/re2.ts';

export interface TextTerm {
  kind: 'text';
  text: string;
  /** The text must begin, or end, at a word border. */
  startsWord: boolean;
  endsWord: boolean;
}

export interface RegexTerm {
  kind: 'regex';
  pattern: string;
  ignoreCase: boolean;
  compiled: Expression;
}

export type Term = TextTerm | RegexTerm;

export interface Query {
  /** Terms that a line must match; may be empty when others are excluded. */
  terms: Term[];
  /** Terms that it must not match. */
  excluded: Term[];
}

/** Far more than a person types. Without a limit, one request could compile for seconds. */
const QUERY_CHARACTERS = 2000;
const TERMS = 32;

function invalid(message: string): ServiceError {
  return new ServiceError('invalid-query', message, { errors: [{ path: 'q', message }] });
}

/** @throws ServiceError `invalid-query` with the position of the error and how to correct it. */
export function parseQuery(source: string): Query {
  if (source.length > QUERY_CHARACTERS) {
    throw invalid(`The query is longer than ${QUERY_CHARACTERS} characters; search for a shorter part.`);
  }
  const query: Query = { terms: [], excluded: [] };
  let at = 0;
  while (at < source.length) {
    if (/\s/.test(source.charAt(at))) {
      at++;
      continue;
    }
    // `--flag` is text that people search for.
    const excluded = source.charAt(at) === '-' && /[^\s-]/.test(source.charAt(at + 1));
    if (excluded) at++;
    const next = readTerm(source, at);
    query[excluded ? 'excluded' : 'terms'].push(next.term);
    at = next.end;
  }
  const count = query.terms.length + query.excluded.length;
  if (count === 0) {
    throw invalid('The query is empty: write words, "a phrase", part*, -without or /regex/.');
  }
  if (count > TERMS) throw invalid(`The query has ${count} terms; at most ${TERMS} are allowed.`);
  return query;
}

function readTerm(source: string, at: number): { term: Term; end: number } {
  const first = source.charAt(at);
  if (first === '"') return readPhrase(source, at);
  // A path like /var/log is text: a regex ends with a slash, perhaps a flag, before a space or the end.
  if (first === '/') return readRegex(source, at) ?? readWord(source, at);
  return readWord(source, at);
}

function readPhrase(source: string, at: number): { term: Term; end: number } {
  let text = '';
  for (let i = at + 1; i < source.length; i++) {
    const char = source.charAt(i);
    if (char === '\\' && /["\\]/.test(source.charAt(i + 1))) text += source.charAt(++i);
    else if (char === '"') {
      if (text === '')
        throw invalid(`The phrase at character ${at + 1} is empty: write text between the quotes.`);
      return { term: { kind: 'text', text, startsWord: true, endsWord: true }, end: i + 1 };
    } else text += char;
  }
  throw invalid(
    `The phrase at character ${at + 1} has no closing quote: write "a phrase", or \\" for a quote in it.`,
  );
}

function readRegex(source: string, at: number): { term: Term; end: number } | undefined {
  const found = /^\/((?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+)\/([gimsuy]?)(?=\s|$)/s.exec(source.slice(at));
  const [whole, pattern, flags] = found ?? [];
  if (whole === undefined || pattern === undefined) return undefined;
  const ignoreCase = flags === 'i';
  if (flags && !ignoreCase) {
    throw invalid(`The flag "${flags}" of ${whole} is unknown. The only flag is i (/regex/i ignores case).`);
  }
  try {
    const compiled = compileExpression(pattern.replaceAll('\\/', '/'), ignoreCase);
    return { term: { kind: 'regex', pattern, ignoreCase, compiled }, end: at + whole.length };
  } catch (cause) {
    throw invalid(`${whole} is not a regular expression that RE2 accepts: ${(cause as Error).message}`);
  }
}

function readWord(source: string, at: number): { term: Term; end: number } {
  const [raw = ''] = /^\S+/.exec(source.slice(at)) ?? [];
  const open = /^\*+/.exec(raw)?.[0].length ?? 0;
  const close = raw.length > open ? (/\*+$/.exec(raw)?.[0].length ?? 0) : 0;
  const text = raw.slice(open, raw.length - close);
  if (text === '') {
    throw invalid(`"${raw}" would match every line: write some characters beside the *.`);
  }
  return {
    term: { kind: 'text', text, startsWord: open === 0, endsWord: close === 0 },
    end: at + raw.length,
  };
}
