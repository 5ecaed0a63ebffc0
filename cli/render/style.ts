/**
 * Colours for the CLI's own text. terminal-text.ts handles the colours of commands.
 */
export type ColourWhen = 'auto' | 'always' | 'never';

const CODES = {
  bold: 1,
  dim: 2,
  inverse: 7,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
} as const;
export type Colour = keyof typeof CODES;

export type Style = (text: string, ...colours: Colour[]) => string;

/** In this order: `--color`, NO_COLOR, FORCE_COLOR, then whether the terminal can show colours. */
export function wantsColour(
  when: ColourWhen,
  isTerminal: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (when !== 'auto') return when === 'always';
  if (environment.NO_COLOR) return false;
  if (environment.FORCE_COLOR !== undefined) return !['0', 'false'].includes(environment.FORCE_COLOR);
  return isTerminal && environment.TERM !== 'dumb';
}

/** True if the user refused colours, not if there is only no terminal. */
export function refusesColour(
  when: ColourWhen,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (when !== 'auto') return when === 'never';
  return Boolean(environment.NO_COLOR) || ['0', 'false'].includes(environment.FORCE_COLOR ?? '');
}

/** Colours text if `on`, else returns it unchanged. */
export function createStyle(on: boolean): Style {
  if (!on) return (text) => text;
  return (text, ...colours) =>
    text === '' ? '' : `\x1b[${colours.map((colour) => CODES[colour]).join(';')}m${text}\x1b[0m`;
}

/** Colours that distinguish followed executions. */
export const PREFIX_COLOURS: readonly Colour[] = ['cyan', 'magenta', 'green', 'yellow', 'blue', 'red'];

const STATUS_COLOURS: Record<string, Colour> = {
  succeeded: 'green',
  failed: 'red',
  timeout: 'red',
  abandoned: 'red',
  canceled: 'yellow',
  canceling: 'yellow',
  running: 'cyan',
  scheduled: 'blue',
  requested: 'blue',
};

/** The colour of a status word. */
export function statusColour(status: string): Colour {
  return STATUS_COLOURS[status] ?? 'bold';
}
