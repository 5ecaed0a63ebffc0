/**
 * The CLI's stdout and stderr, with backpressure. A closed pipe (`| head`) ends the CLI without an error. Notes go to
 * stderr.
 */
import type { StreamName } from '../../events/event.ts';
import { EXIT } from '../exit-codes.ts';
import type { Target, Write } from './output.ts';
import { type ColourWhen, createStyle, refusesColour, type Style, wantsColour } from './style.ts';

export interface Terminal {
  stdout: Target;
  stderr: Target;
  /** Colours for the CLI's own text on stdout and on stderr. */
  style: Style;
  noteStyle: Style;
  /** Width of stdout when it is a terminal. */
  columns(): number | undefined;
  write(writes: readonly Write[]): Promise<void>;
  /** Prints a line on stdout. */
  print(line: string): Promise<void>;
  /** Prints a line on stderr. */
  note(line: string): void;
  /** Notes once that the connection was lost and once that it is back. */
  connectionNotes(): { onLost: (error: Error) => void; onResumed: () => void };
  /** Runs instead of the silent exit when the reader of stdout closes the pipe. */
  onBrokenPipe(handler: () => void): void;
}

let brokenPipe = () => process.exit(EXIT.ok);
let guarded = false;

function guard(): void {
  if (guarded) return;
  guarded = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') brokenPipe();
    else process.exit(EXIT.error);
  });
  process.stderr.on('error', () => {});
}

function writeTo(stream: StreamName, data: string | Uint8Array): Promise<void> | undefined {
  if (data.length === 0) return undefined;
  const target = stream === 'stdout' ? process.stdout : process.stderr;
  if (target.write(data)) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      target.off('drain', done).off('error', done).off('close', done);
      resolve();
    };
    target.on('drain', done).on('error', done).on('close', done);
  });
}

function target(stream: NodeJS.WriteStream, when: ColourWhen, environment: NodeJS.ProcessEnv): Target {
  return {
    isTerminal: stream.isTTY === true,
    noEscapes: refusesColour(when, environment),
    columns: () => stream.columns || 80,
  };
}

/** Whether text leaves the cursor on an unfinished line; undefined if it does not move the cursor. */
function leavesLineOpen(data: string | Uint8Array): boolean | undefined {
  const end = typeof data === 'string' ? data.slice(-64) : Buffer.from(data.slice(-64)).toString('latin1');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours do not move the cursor
  const shown = end.replace(/(?:\x1b\[[0-9;:]*m)+$/, '');
  return shown === '' ? undefined : !shown.endsWith('\n');
}

/** Opens the terminal of this process. */
export function openTerminal(when: ColourWhen, environment: NodeJS.ProcessEnv = process.env): Terminal {
  guard();
  const stdout = target(process.stdout, when, environment);
  const stderr = target(process.stderr, when, environment);
  // Both streams share one screen: a note must not continue an unfinished line of the command.
  const oneScreen = stdout.isTerminal && stderr.isTerminal;
  let lineOpen = false;
  const noteStyle = createStyle(wantsColour(when, stderr.isTerminal, environment));
  return {
    stdout,
    stderr,
    style: createStyle(wantsColour(when, stdout.isTerminal, environment)),
    noteStyle,
    columns: () => (stdout.isTerminal ? (stdout.columns?.() ?? 80) : undefined),
    async write(writes) {
      for (const { to, data } of writes) {
        if (oneScreen) lineOpen = leavesLineOpen(data) ?? lineOpen;
        await writeTo(to, data);
      }
    },
    async print(line) {
      await writeTo('stdout', `${line}\n`);
    },
    note(line) {
      process.stderr.write(`${lineOpen ? '\n' : ''}${noteStyle(line, 'dim')}\n`);
      lineOpen = false;
    },
    connectionNotes() {
      let lost = false;
      return {
        onLost: ({ message }) => {
          if (!lost) this.note(`linefeed: connection lost (${message}); reconnecting`);
          lost = true;
        },
        onResumed: () => {
          if (lost) this.note('linefeed: reconnected, resuming');
          lost = false;
        },
      };
    },
    onBrokenPipe(handler) {
      brokenPipe = handler as () => never;
    },
  };
}

/** Resolves when all writes so far are flushed. */
export async function flushOutput(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}
