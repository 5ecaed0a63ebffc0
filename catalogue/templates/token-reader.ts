/** Reads the tokens of a template one after the other. */
import type { Token } from './lexer.ts';
import { TemplateError } from './template-error.ts';

export interface TokenReader {
  /** The current token, or one after it. */
  peek(ahead?: number): Token;
  next(): Token;
  /** Whether the current token is this symbol, word or delimiter. */
  is(text: string): boolean;
  /** Skips the current token if it is this one. */
  take(text: string): boolean;
  /** @throws TemplateError when the current token is another. */
  expect(text: string): void;
  /** @throws TemplateError when the current token is not a name. */
  name(): string;
  position(): number;
  /** What stands between two positions, for messages. */
  written(from: number, to?: number): string;
}

export function createTokenReader(tokens: readonly Token[]): TokenReader {
  let at = 0;
  const last = tokens.length - 1;
  const peek = (ahead = 0): Token => tokens[Math.min(at + ahead, last)] as Token;
  const next = (): Token => {
    const token = peek();
    at = Math.min(at + 1, last);
    return token;
  };
  const is = (text: string): boolean =>
    peek().text === text && !['text', 'literal', 'end'].includes(peek().kind);
  const take = (text: string): boolean => is(text) && next() !== undefined;
  return {
    peek,
    next,
    is,
    take,
    expect(text) {
      if (!take(text)) throw new TemplateError(`"${text}" was expected before "${peek().text}"`);
    },
    name() {
      const token = next();
      if (token.kind !== 'name') throw new TemplateError(`a name was expected before "${token.text}"`);
      return token.text;
    },
    position: () => at,
    written: (from, to = at) =>
      tokens
        .slice(from, to)
        .map((token) => token.text)
        .join(''),
  };
}
