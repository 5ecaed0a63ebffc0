/** A program from PyPI in a virtual environment of its own, in the cache folder, so that all checkouts share it. */
import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../stack/packages.ts';

const run = promisify(execFile);

export interface PythonProgram {
  /** Of the package. */
  name: string;
  version: string;
  /** Its file in `bin`. */
  program: string;
}

const homeOf = ({ name, version }: PythonProgram) => join(cacheFolder(), `${name}-${version}`);
/** Written last: without it the environment is incomplete. */
const markOf = (what: PythonProgram) => join(homeOf(what), 'complete');

/** Its path; undefined when it is not installed, or only in part. */
export function pythonProgram(what: PythonProgram): string | undefined {
  return existsSync(markOf(what)) ? join(homeOf(what), 'bin', what.program) : undefined;
}

/** @throws Error with what venv or pip said. */
export async function installPythonProgram(what: PythonProgram, say: (text: string) => void): Promise<void> {
  const home = homeOf(what);
  say(`${what.name} ${what.version} from PyPI`);
  rmSync(home, { recursive: true, force: true });
  await run(await findPython(), ['-m', 'venv', home]);
  await run(join(home, 'bin', 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    `${what.name}==${what.version}`,
  ]);
  writeFileSync(markOf(what), '');
}

/** One that st2client runs on: 3.13 lacks a module that it imports. */
async function findPython(): Promise<string> {
  const check = 'import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info < (3, 13))';
  for (const name of ['python3.11', 'python3.12', 'python3.10', 'python3.9', 'python3', '/usr/bin/python3']) {
    const fits = await run(name, ['-c', check]).then(
      () => true,
      () => false,
    );
    if (fits) return name;
  }
  throw new Error('it needs Python 3.9 to 3.12 with the modules venv and ensurepip');
}
