/**
 * The one place that compiles regular expressions of users and configurations. They are RE2: no backtracking. But a
 * linear engine is slow too when a program is large, so the program's size is limited, and so is the processor time that
 * an evaluation may take.
 */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import { ServiceError } from './errors.ts';
import { expandedSize } from './re2-size.ts';

export const MAX_INSTRUCTIONS = 1000;
/** Each takes up to 2 ms to compile. */
const MAX_UNICODE_CLASSES = 40;
const MAX_SOURCE_CHARS = 10_000;

/** Far above what an expression costs that a person writes (0.01 to 0.5 µs a character), also on a busy machine. */
const REFILL_MS_PER_CHAR = 0.002;
const CAPACITY_MS = 50;
/** Worst case measured on a slow machine: an instruction's share in one character of text. */
const MAX_MS_PER_UNIT = 0.0001;
/** Instructions × characters: a text of fewer is not metered, because it takes less than a millisecond. */
const METERED_UNITS = 10_000;

/** Processor time for evaluations, in milliseconds: every character of text adds a little, up to a capacity. */
export interface Budget {
  leftMs: number;
}

export const createBudget = (): Budget => ({ leftMs: CAPACITY_MS });

/** The expression used up its budget. */
export class TooCostly extends ServiceError {}

export interface Match {
  start(group?: number): number;
  end(group?: number): number;
  /** Null when the group took no part in the match. */
  group(group?: number): string | null;
  groupCount(): number;
}

/** Without a budget of the caller, every evaluation has one of its own. Both methods throw {@link TooCostly}. */
export interface Expression {
  readonly source: string;
  test(text: string, budget?: Budget): boolean;
  /** Visits the matches in order; false ends it. */
  forEachMatch(text: string, visit: (match: Match) => boolean | undefined, budget?: Budget): void;
}

let library: typeof import('re2js') | undefined;

/** Loaded with the first expression: an idle server never needs its megabyte. */
function load(): typeof import('re2js') {
  library ??= createRequire(import.meta.url)('re2js') as typeof import('re2js');
  return library;
}

const tooLarge = (limit: string) =>
  new Error(`the expression is too large: ${limit}. Use smaller counts in {n,m}, or + and *.`);

function compile(source: string, ignoreCase: boolean): RE2JS {
  if (source.length > MAX_SOURCE_CHARS) throw tooLarge(`it may have ${MAX_SOURCE_CHARS} characters`);
  const { atoms, unicodeClasses } = expandedSize(source);
  const limit = `it may compile to ${MAX_INSTRUCTIONS} instructions`;
  if (atoms > 2 * MAX_INSTRUCTIONS) throw tooLarge(limit);
  if (unicodeClasses > MAX_UNICODE_CLASSES)
    throw tooLarge(`it may have ${MAX_UNICODE_CLASSES} Unicode classes (\\p)`);
  const { RE2JS } = load();
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  } catch (cause) {
    const message = (cause as Error).message.replace(/^error parsing regexp: /, '');
    const foreign = /\(\?<?[=!]|\\[1-9]/.test(source)
      ? '. RE2 has no look-ahead, look-behind or back-references'
      : '';
    throw new Error(`${message}${foreign}`, { cause });
  }
  if (compiled.programSize() > MAX_INSTRUCTIONS) throw tooLarge(limit);
  return compiled;
}

const processorMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** A text that stops its reader when the time is up: the library reads all it matches through `charCodeAt`. */
class MeteredText extends String {
  readonly #endMs: number;
  readonly #reads: number;
  readonly #stop: () => never;
  #left: number;
  #lookAt: number;

  /** @param reads how often it may be read between two looks at the clock. */
  constructor(text: string, leftMs: number, reads: number, stop: () => never) {
    super(text);
    this.#endMs = processorMs() + leftMs;
    this.#lookAt = performance.now() + leftMs;
    this.#reads = reads;
    this.#left = reads;
    this.#stop = stop;
  }

  override charCodeAt(at: number): number {
    if (--this.#left < 0) this.#look();
    return super.charCodeAt(at);
  }

  /** Processor time never passes faster than the clock, which is cheaper to read. */
  #look(): void {
    this.#left = this.#reads;
    const now = performance.now();
    if (now < this.#lookAt) return;
    const leftMs = this.#endMs - processorMs();
    if (leftMs <= 0) this.#stop();
    this.#lookAt = now + leftMs;
  }
}

/** @throws Error that says in words what is wrong with the expression. */
export function compileExpression(source: string, ignoreCase = false): Expression {
  const compiled = compile(source, ignoreCase);
  const instructions = compiled.programSize();
  const reads = Math.ceil(20_000 / instructions);

  function stop(): never {
    const shown = source.length > 80 ? `${source.slice(0, 79)}…` : source;
    const message = `The regular expression ${shown} takes too much time for this text: write a simpler one.`;
    throw new TooCostly('too-costly', message);
  }

  function evaluate<T>(text: string, budget: Budget, run: (input: string) => T): T {
    budget.leftMs = Math.min(CAPACITY_MS, budget.leftMs + text.length * REFILL_MS_PER_CHAR);
    if (budget.leftMs <= 0) stop();
    const units = text.length * instructions;
    if (units < METERED_UNITS) {
      const began = performance.now();
      const result = run(text);
      budget.leftMs -= Math.min(performance.now() - began, units * MAX_MS_PER_UNIT);
      return result;
    }
    const began = processorMs();
    try {
      return run(new MeteredText(text, budget.leftMs, reads, stop) as unknown as string);
    } finally {
      budget.leftMs -= processorMs() - began;
    }
  }

  return {
    source,
    test: (text, budget = createBudget()) => evaluate(text, budget, (input) => compiled.test(input)),
    forEachMatch(text, visit, budget = createBudget()) {
      evaluate(text, budget, (input) => {
        // The yes-or-no test runs on an automaton that is many times faster than finding where.
        if (!compiled.test(input)) return;
        const matcher = compiled.matcher(input);
        while (matcher.find()) if (visit(matcher) === false) return;
      });
    },
  };
}

/** An expression as JSON Schema has them, in JavaScript's syntax. @throws Error as {@link compileExpression} does. */
export function compileSchemaPattern(pattern: string): Expression {
  return compileExpression(load().RE2JS.translateRegExp(pattern));
}
