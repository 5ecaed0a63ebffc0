/** Bounds what rendering may cost: every evaluation, list item and stretch of text is counted. */
import {
  compileExpression,
  createBudget,
  type Match,
  type Expression as RegularExpression,
  TooCostly,
} from '../../lib/re2.ts';
import { TemplateError } from './template-error.ts';

/** Units of work for all templates of one request; a million evaluations take less than a second. */
const MAX_UNITS = 1_000_000;
const CHARACTERS_PER_UNIT = 16;
/** Listing a key of an object takes as long as reading so many characters. */
const KEY_WEIGHT = 16;
/** Compiling an expression takes up to 2 ms. */
const UNITS_PER_EXPRESSION = 5000;

export interface Work {
  /** @throws TemplateError when the templates of this request have used up their units. */
  spend(units: number): void;
  /** The text itself, after counting its length. */
  spendText(text: string): string;
  /** Counts the characters, items or keys of these values, but not what their items hold. */
  spendValues(values: readonly unknown[]): void;
  /**
   * Visits the matches of a regular expression in order; false ends it. All share one budget of processor time.
   * @throws TemplateError when the pattern is invalid or takes too much time.
   */
  forEachMatch(
    pattern: string,
    ignoreCase: boolean,
    text: string,
    visit: (match: Match) => boolean | undefined,
  ): void;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  return value !== null && typeof value === 'object' ? Object.keys(value).length * KEY_WEIGHT : 0;
}

export function createWork(maxUnits = MAX_UNITS): Work {
  let left = maxUnits;
  const budget = createBudget();
  const compiled = new Map<string, RegularExpression>();

  function spend(units: number): void {
    left -= units;
    if (!(left >= 0)) throw new TemplateError('the template takes too much time or memory');
  }
  function compile(pattern: string, ignoreCase: boolean): RegularExpression {
    const key = `${ignoreCase}${pattern}`;
    const known = compiled.get(key);
    if (known) return known;
    spend(UNITS_PER_EXPRESSION);
    try {
      const expression = compileExpression(pattern, ignoreCase);
      compiled.set(key, expression);
      return expression;
    } catch (cause) {
      throw new TemplateError(`invalid regular expression '${pattern}': ${(cause as Error).message}`);
    }
  }
  return {
    spend,
    spendText(text) {
      spend(1 + text.length / CHARACTERS_PER_UNIT);
      return text;
    },
    spendValues(values) {
      for (const value of values) spend(1 + sizeOf(value) / CHARACTERS_PER_UNIT);
    },
    forEachMatch(pattern, ignoreCase, text, visit) {
      const expression = compile(pattern, ignoreCase);
      try {
        expression.forEachMatch(text, visit, budget);
      } catch (cause) {
        throw cause instanceof TooCostly ? new TemplateError(cause.message) : cause;
      }
    },
  };
}
