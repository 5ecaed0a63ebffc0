#!/usr/bin/env node
// Starts the CLI. If this Node is too old, runs it on the one of the package `node` and passes on signals, exit code and
// the signal that ended it. Plain JavaScript: Node 16 or newer can read it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The first version that runs TypeScript and node:sqlite without a flag or a warning. */
const MINIMUM = 24;
/** The version that Linefeed is tested on. */
const PREFERRED = 26;

const running = Number(process.versions.node.split('.')[0]);

function bundledNode() {
  try {
    const manifest = modules.createRequire(import.meta.url).resolve('node/package.json');
    const file = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    // Missing after an install without scripts.
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Restarts the server's process with an allocator that returns memory and a heap that grows in small steps. Measured on
 * Linux x64: 245 instead of 440 MB after 100 MB of output; 235 instead of 370 MB with 1,000 followers.
 */
function restartWithLowMemory() {
  const environment = {
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '131072',
    ...process.env,
    LINEFEED_LOW_MEMORY: '1',
  };
  const args = [
    process.execPath,
    '--max-semi-space-size=2',
    '--heap-growing-percent=20',
    '--expose-gc',
    ...process.execArgv,
    fileURLToPath(import.meta.url),
  ];
  process.execve(process.execPath, [...args, ...process.argv.slice(2)], environment);
}

async function startCli() {
  if (
    process.argv[2] === 'server' &&
    process.execve &&
    process.platform === 'linux' &&
    !process.env.LINEFEED_LOW_MEMORY
  )
    restartWithLowMemory();
  // The compile cache makes help and completion twice as fast and saves the server 70 MB. It is in node_modules: in a
  // shared temporary folder, others could put code there for us to run.
  try {
    modules.enableCompileCache?.(fileURLToPath(new URL('../node_modules/.cache/linefeed', import.meta.url)));
  } catch {}
  const source = new URL('../cli/main.ts', import.meta.url);
  await import(
    existsSync(fileURLToPath(source)) ? source.href : new URL('../dist/cli/main.js', import.meta.url).href
  );
}

function startOn(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // The child decides whether a signal ends it. A terminal signals both processes; the CLI ignores duplicates.
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
    // Exit even if the signal is ignored.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
  });
}

const other = running >= PREFERRED ? undefined : bundledNode();
if (other && other !== process.execPath) {
  startOn(other);
} else if (running >= MINIMUM) {
  await startCli();
} else {
  process.stderr.write(
    `linefeed: needs Node ${MINIMUM} or newer; this is Node ${process.versions.node}.\n` +
      'The package `node` contains one, but its installation is incomplete: run `npm rebuild node` (or npm i with install scripts),\n' +
      'or install a newer Node.\n',
  );
  process.exit(125);
}
