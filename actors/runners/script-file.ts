/** Finds the file that a script runner runs: the entry point of the action, or the script of the request. */
import { accessSync, constants, existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Pack } from '../../catalogue/pack.ts';
import type { Packs } from '../../catalogue/pack-folders.ts';
import type { RunnerRequest } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';
import { readRegularHead } from '../../lib/regular-file.ts';

interface ScriptFile {
  path: string;
  /** The folder of a pack's script; absent for a script of the request. */
  cwd?: string;
  pack?: Pack;
}

/** Enough to read the `#!` line. */
const HEAD_BYTES = 256;

/** @throws ServiceError `validation-failed` without a script, `invalid-pack-file` when the pack has no such file. */
export async function scriptFile(request: RunnerRequest, packs: Packs, name = 'script'): Promise<ScriptFile> {
  const { action, script, folder } = request;
  if (action.entryPoint === undefined) {
    if (script === undefined) {
      throw new ServiceError(
        'validation-failed',
        `Action "${action.ref}" needs a script: send its text as "script"`,
      );
    }
    const path = join(folder, name);
    await writeFile(path, script, { mode: 0o700 });
    return { path };
  }
  const { pack, path } = await packs.locate(action.pack, join('actions', action.entryPoint));
  return { path, cwd: dirname(path), pack };
}

/**
 * The words of the `#!` line; undefined without one.
 * @throws ServiceError `cannot-start` when the line ends in CR: the kernel takes that for a part of the interpreter's name.
 */
function shebang(head: string, path: string): [string, ...string[]] | undefined {
  if (!head.startsWith('#!')) return undefined;
  const line = head.split('\n')[0] as string;
  if (line.endsWith('\r')) {
    const name = basename(path);
    throw new ServiceError(
      'cannot-start',
      `${name}: the first line ends in CR LF, as on Windows, so its interpreter cannot be found. Convert the file: sed -i 's/\\r$//' ${name}`,
    );
  }
  const [interpreter, ...rest] = line
    .slice(2)
    .trim()
    .split(/[ \t]+/);
  if (!interpreter) return undefined;
  return rest.length > 0 ? [interpreter, rest.join(' ')] : [interpreter];
}

const readHead = async (path: string): Promise<string> =>
  (await readRegularHead(path, HEAD_BYTES)).toString('latin1');

/** The command that runs a file: the file itself if it is executable, else its `#!` interpreter, else /bin/sh. */
export async function scriptCommand(path: string): Promise<[string, ...string[]]> {
  const head = await readHead(path);
  const interpreter = shebang(head, path);
  if (!interpreter && !head.startsWith('\x7fELF') && !head.startsWith('#!')) return ['/bin/sh', path];
  try {
    accessSync(path, constants.X_OK);
    return [path];
  } catch {
    if (interpreter) return [...interpreter, path];
    throw new ServiceError('cannot-start', `${path} is a program but not executable; run chmod +x on it`);
  }
}

/** As `scriptCommand`, for this machine. @throws ServiceError `cannot-start` also when the interpreter is missing. */
export async function localScriptCommand(path: string): Promise<[string, ...string[]]> {
  const command = await scriptCommand(path);
  const [interpreter] = shebang(await readHead(path), path) ?? [];
  if (interpreter?.startsWith('/') && !existsSync(interpreter)) {
    throw new ServiceError(
      'cannot-start',
      `${basename(path)}: the interpreter in its first line, ${interpreter}, does not exist on this machine`,
    );
  }
  return command;
}
