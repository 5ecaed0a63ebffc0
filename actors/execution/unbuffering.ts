/** Makes C programs write each line at once, though no terminal reads them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Adds variables to a command's environment. */
type Unbuffering = (env: Record<string, string>) => Record<string, string>;

const joined = (given: string | undefined, more: string): string => (given ? `${given}:${more}` : more);

/**
 * `$LIB` is for glibc, which replaces it by the name of its own library folder. musl does not: it finds no such file and
 * runs the program without it. By its plain path, it would load the library, which needs glibc, and end with 127.
 */
function spellings(library: string): string[] {
  const rest = /^\/usr\/(.+)$/.exec(library)?.[1];
  return rest === undefined ? [] : [`/usr/$LIB/../../${rest}`, `/usr/$LIB/../${rest}`];
}

/** The dynamic linker complains on stderr about a library that it cannot find. */
async function isFound(library: string): Promise<boolean> {
  const { stderr } = await run('env', [], {
    env: { PATH: process.env.PATH, LD_PRELOAD: library },
    timeout: 5000,
  });
  return stderr === '';
}

/**
 * Sets what `stdbuf -oL -eL` sets, without its process. AddressSanitizer must be told that a library may precede its own.
 * @returns undefined where there is no `stdbuf`, or its library is in no place that can be spelled with `$LIB`.
 */
async function findUnbuffering(): Promise<Unbuffering | undefined> {
  const { stdout } = await run('stdbuf', ['-oL', '-eL', 'env'], {
    env: { PATH: process.env.PATH },
    timeout: 5000,
  });
  const library = /^LD_PRELOAD=(.+)$/m.exec(stdout)?.[1] ?? '';
  for (const spelling of spellings(library)) {
    if (!(await isFound(spelling))) continue;
    return (env) => ({
      ...env,
      _STDBUF_O: 'L',
      _STDBUF_E: 'L',
      LD_PRELOAD: joined(env.LD_PRELOAD, spelling),
      ASAN_OPTIONS: joined(env.ASAN_OPTIONS, 'verify_asan_link_order=0'),
    });
  }
  return undefined;
}

let found: Promise<Unbuffering | undefined> | undefined;

/** Looks for it once in a process. */
export function unbuffering(): Promise<Unbuffering | undefined> {
  found ??= findUnbuffering().catch(() => undefined);
  return found;
}
