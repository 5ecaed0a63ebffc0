/** Finds the file that a script runner runs: the entry point of the action, or the script of the request. */
import { accessSync, constants } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

/** The command that runs a file: the file itself if it is executable, else its `#!` interpreter, else /bin/sh. */
export async function scriptCommand(path: string): Promise<[string, ...string[]]> {
  const head = (await readRegularHead(path, HEAD_BYTES)).toString('latin1');
  if (head.startsWith('\x7fELF') || head.startsWith('#!')) {
    try {
      accessSync(path, constants.X_OK);
      return [path];
    } catch {
      const words = (head.split('\n')[0] ?? '')
        .slice(2)
        .trim()
        .split(/[ \t]+/);
      if (!head.startsWith('#!') || !words[0]) {
        throw new ServiceError('cannot-start', `${path} is a program but not executable; run chmod +x on it`);
      }
      const [interpreter, ...rest] = words;
      return rest.length > 0 ? [interpreter, rest.join(' '), path] : [interpreter, path];
    }
  }
  return ['/bin/sh', path];
}
