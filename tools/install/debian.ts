/** Debian packages, installed by root or through sudo, without starting the services that they bring. */
import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { timed } from './timed.ts';
import { findProgram } from './tools.ts';

const run = promisify(execFile);
/** Debian's package scripts ask it before they start a service. */
const POLICY = '/usr/sbin/policy-rc.d';
const ENOUGH = 64 << 20;

const isRoot = () => process.getuid?.() === 0;

async function asRoot(command: string[]): Promise<void> {
  const words = isRoot() ? command : ['sudo', '-n', ...command];
  await run('env', ['DEBIAN_FRONTEND=noninteractive', ...words], { maxBuffer: ENOUGH }).catch((error) => {
    throw new Error(lastLines(`${error.stdout ?? ''}\n${error.stderr ?? error.message}`), { cause: error });
  });
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-8).join('\n');
}

/** The first of `a|b|c` that this Debian has; the last when it has none. */
async function firstAvailable(name: string): Promise<string> {
  const names = name.split('|');
  for (const one of names) if (await isAvailable(one)) return one;
  return names.at(-1) as string;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a format of dpkg
const STATUS = '${db:Status-Status}';

async function isInstalled(name: string): Promise<boolean> {
  const { stdout } = await run('dpkg-query', ['-W', '-f', STATUS, name]).catch(() => ({ stdout: '' }));
  return stdout === 'installed';
}

async function isAvailable(name: string): Promise<boolean> {
  const { stdout } = await run('apt-cache', ['policy', name]).catch(() => ({ stdout: '' }));
  return /Candidate: (?!\(none\))/.test(stdout);
}

/**
 * One `apt-get update`, one `apt-get install`. Packages that this Debian does not have are left out, so that they do not
 * keep the others away; the answer names them.
 * @param packages `a|b` means whichever is available.
 * @throws Error that says what is in the way.
 */
export async function installPackages(
  packages: readonly string[],
  say: (text: string) => void,
): Promise<string[]> {
  const installed = await Promise.all(packages.map(isInstalled));
  const absent = packages.filter((_, at) => !installed[at]);
  if (absent.length === 0) return [];
  if (!findProgram('apt-get')) throw new Error('this machine has no apt-get');
  if (!isRoot() && !findProgram('sudo')) throw new Error('it takes root, or sudo without a password');
  await timed(say, 'apt-get update', () => asRoot(['apt-get', 'update']));
  const names = await Promise.all(absent.map(firstAvailable));
  const available = await Promise.all(names.map(isAvailable));
  const wanted = names.filter((_, at) => available[at]);
  if (wanted.length > 0) {
    const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...wanted];
    await timed(say, `apt-get install ${wanted.join(' ')}`, () => withoutServices(() => asRoot(install)));
  }
  return names.filter((_, at) => !available[at]);
}

async function withoutServices(body: () => Promise<void>): Promise<void> {
  const made = isRoot() && !existsSync(POLICY);
  if (made) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await body();
  } finally {
    if (made) rmSync(POLICY, { force: true });
  }
}
