#!/usr/bin/env node
// Starts the CLI on the Node that the package `node` brings, when the machine's own is older than that. Plain
// JavaScript that any Node from 16 up can read. Forwards signals and keeps exit code and signal of the child.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** From here on TypeScript runs as it is and node:sqlite is there without a flag or a warning. */
const NEEDED = 24;
/** What the package is made for and tested on; an older one hands over to it. */
const WANTED = 26;

const running = Number(process.versions.node.split('.')[0]);

function bundled() {
  try {
    const manifest = modules.createRequire(import.meta.url).resolve('node/package.json');
    const file = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    // Absent after an install without scripts.
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A server starts over in the same process with an allocator that gives memory back and a heap that grows in small
 * steps. Measured on Linux x64: 440 MB after 100 MB of output, 245 MB with these; 370 MB with 1,000 followers, 235 MB.
 */
function lean() {
  const tuned = {
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '131072',
    ...process.env,
    LINEFEED_LEAN: '1',
  };
  const args = [
    process.execPath,
    '--max-semi-space-size=2',
    '--heap-growing-percent=20',
    '--expose-gc',
    ...process.execArgv,
    fileURLToPath(import.meta.url),
  ];
  process.execve(process.execPath, [...args, ...process.argv.slice(2)], tuned);
}

async function here() {
  if (
    process.argv[2] === 'server' &&
    process.execve &&
    process.platform === 'linux' &&
    !process.env.LINEFEED_LEAN
  )
    lean();
  // Parsed code is kept between runs: help and completion come twice as fast, and a server that strips no types needs
  // 70 MB less. Beside the packages, not in a shared temporary folder where others could put code for us to run.
  try {
    modules.enableCompileCache?.(fileURLToPath(new URL('../node_modules/.cache/linefeed', import.meta.url)));
  } catch {}
  const source = new URL('../cli/main.ts', import.meta.url);
  await import(
    existsSync(fileURLToPath(source)) ? source.href : new URL('../dist/cli/main.js', import.meta.url).href
  );
}

function there(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal signals the child as well as us, and the CLI takes the same signal twice within moments as one. We only
  // pass on and wait: the child decides whether it ends.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`linefeed: cannot start ${node}: ${error.message}\n`);
    process.exit(125);
  });
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code ?? 125);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // A signal that is ignored or slow to arrive must not leave us waiting.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
  });
}

const other = running >= WANTED ? undefined : bundled();
if (other && other !== process.execPath) {
  there(other);
} else if (running >= NEEDED) {
  await here();
} else {
  process.stderr.write(
    `linefeed: this is Node ${process.versions.node}, and ${NEEDED} or newer is needed.\n` +
      'The package `node` brings one, but it is not installed completely: run `npm rebuild node` (or npm i with install scripts allowed),\n' +
      'or install a newer Node.\n',
  );
  process.exit(125);
}
