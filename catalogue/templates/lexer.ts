/**
 * Cuts a template into text and tokens, with StackStorm's settings of Jinja: the newline after a block and the blanks
 * before it on its line are dropped (trim_blocks, lstrip_blocks), and so is one newline at the end.
 */
import { TemplateError } from './template-error.ts';
import { Float } from './values.ts';

export interface Token {
  kind: 'text' | 'open' | 'close' | 'name' | 'literal' | 'symbol' | 'end';
  /** For `open` and `close` one of `{{`, `{%`, `}}`, `%}`; as written otherwise. */
  text: string;
  /** Of a literal. */
  value?: unknown;
}

const TAG = /\{\{|\{%|\{#/g;
const RAW = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y;
const END_RAW = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g;
const END_COMMENT = /\+#\}|-#\}\s*|#\}\n?/g;
const END_BLOCK = /\+%\}|-%\}\s*|%\}\n?/y;
const END_VALUE = /-\}\}\s*|\}\}/y;
const TOKEN =
  /\s+|((?<!\.)\d[\d_]*(?:\.\d[\d_]*(?:[eE][+-]?\d+)?|[eE][+-]?\d+))|(0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|\d+(?:_\d+)*)|('(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*")|([A-Za-z_]\w*)|(==|!=|<=|>=|\/\/|\*\*|[=<>+\-*/%~|.,:()[\]{}])/y;

/** @throws TemplateError */
export function tokenize(template: string): Token[] {
  const source = template.replace(/\r\n?/g, '\n').replace(/\n$/, '');
  const tokens: Token[] = [];
  let at = 0;
  const addText = (text: string): void => {
    if (text !== '') tokens.push({ kind: 'text', text });
  };
  while (at < source.length) {
    TAG.lastIndex = at;
    const tag = TAG.exec(source);
    if (!tag) {
      addText(source.slice(at));
      break;
    }
    const sign = source[tag.index + 2] ?? '';
    addText(strip(source, at, tag.index, tag[0] === '{{' && sign !== '-' ? '+' : sign));
    const raw = matchAt(RAW, source, tag.index);
    if (raw) {
      const from = tag.index + raw.length;
      const end = search(END_RAW, source, from, '{% endraw %}');
      addText(strip(source, from, end.index, end[1] ?? ''));
      at = END_RAW.lastIndex;
    } else if (tag[0] === '{#') {
      search(END_COMMENT, source, tag.index + 2, '#}');
      at = END_COMMENT.lastIndex;
    } else {
      tokens.push({ kind: 'open', text: tag[0] });
      at = readTag(source, tag.index + (/[-+]/.test(sign) ? 3 : 2), tag[0], tokens);
    }
  }
  tokens.push({ kind: 'end', text: 'the end' });
  return tokens;
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray['0'] | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function search(pattern: RegExp, source: string, from: number, wanted: string): RegExpExecArray {
  pattern.lastIndex = from;
  const match = pattern.exec(source);
  if (!match) throw new TemplateError(`${wanted} is missing`);
  return match;
}

/** The text before a tag: without its trailing white space for `-`, without the blanks of the tag's line unless `+`. */
function strip(source: string, from: number, to: number, sign: string): string {
  const text = source.slice(from, to);
  if (sign === '-') return text.trimEnd();
  const line = text.lastIndexOf('\n') + 1;
  const startsLine = line > 0 || from === 0 || source[from - 1] === '\n';
  return sign !== '+' && startsLine && text.slice(line).trim() === '' ? text.slice(0, line) : text;
}

/** Adds the tokens of a tag and returns where it ends. */
function readTag(source: string, from: number, open: string, tokens: Token[]): number {
  const end = open === '{{' ? END_VALUE : END_BLOCK;
  let at = from;
  let depth = 0;
  while (at < source.length) {
    const close = depth === 0 ? matchAt(end, source, at) : undefined;
    if (close !== undefined) {
      tokens.push({ kind: 'close', text: open === '{{' ? '}}' : '%}' });
      return at + close.length;
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (!match) throw new TemplateError(`unexpected character '${source[at]}'`);
    at = TOKEN.lastIndex;
    const [text, float, integer, string, name, symbol] = match;
    if (float !== undefined) {
      tokens.push({ kind: 'literal', text, value: new Float(Number(float.replaceAll('_', ''))) });
    } else if (integer !== undefined) {
      tokens.push({ kind: 'literal', text, value: integerOf(integer) });
    } else if (string !== undefined) tokens.push({ kind: 'literal', text, value: unquote(string) });
    else if (name !== undefined) tokens.push({ kind: 'name', text });
    else if (symbol !== undefined) {
      tokens.push({ kind: 'symbol', text });
      if ('([{'.includes(symbol)) depth += 1;
      if (')]}'.includes(symbol)) depth -= 1;
    }
  }
  throw new TemplateError(`${open === '{{' ? '}}' : '%}'} is missing`);
}

function integerOf(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (/^0\d/.test(text)) throw new TemplateError(`'${text}' is not a number: it starts with 0`);
  if (!Number.isSafeInteger(value)) throw new TemplateError(`the number ${text} is too large`);
  return value;
}

const ESCAPE = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S]))/g;
const ESCAPES: Record<string, string> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Python keeps the backslash of an escape that it does not know: '\d' are two characters. */
function unquote(literal: string): string {
  return literal.slice(1, -1).replace(ESCAPE, (whole, octal, hex, short, long, character) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const code = hex ?? short ?? long;
    if (code !== undefined) {
      const point = Number.parseInt(code, 16);
      if (point > 0x10ffff) throw new TemplateError(`'${whole}' is not a character`);
      return String.fromCodePoint(point);
    }
    if ('xuUN'.includes(character))
      throw new TemplateError(`the escape '${whole}' in ${literal} is not supported`);
    return ESCAPES[character] ?? whole;
  });
}
