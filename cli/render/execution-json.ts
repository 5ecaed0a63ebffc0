/** An execution's JSON, and its one-line description. */
import type { ExecutionJson } from '../../wire/execution.ts';
import { quoteWord } from '../quote.ts';
import { safeLine } from './terminal-text.ts';

export type { ExecutionJson };

/** The time part of a UUIDv7: what `ls` shows. In practice it identifies an execution. */
const SHORT_ID_LENGTH = 13;

export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}

/** Parameters that change how a command runs, not what it does. */
const SETTINGS = new Set([
  'cwd',
  'env',
  'timeout',
  'sudo',
  'kwarg_op',
  'merge',
  'unbuffer',
  'debug',
  'log_level',
  'content_version',
]);

/** What the execution runs, in one line: the command, or the action with its arguments. */
export function describe(execution: ExecutionJson): string {
  const { cmd, args, ...others } = execution.parameters ?? {};
  if (typeof cmd === 'string' && execution.action.ref === 'core.local') return safeLine(cmd);
  const words = Array.isArray(args) ? args.map((word) => quoteWord(String(word))) : [];
  const named = Object.entries({ ...(cmd === undefined ? {} : { cmd }), ...others })
    .filter(
      ([name, value]) => !SETTINGS.has(name) && value !== null && value !== '' && typeof value !== 'object',
    )
    .map(([name, value]) => `${name}=${quoteWord(String(value))}`);
  return safeLine([execution.action.ref, ...words, ...named].join(' '));
}
