/**
 * A real OpenSSH server of a test's own, on a free port of every loopback address (127.0.0.1, 127.0.0.2, … are so many
 * hosts), with its own host key and one key that may log in as the present user.
 *
 * @needs ssh
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../tools/install/tools.ts';
import { withFolder } from './folder.ts';
import { childrenOf } from './processes.ts';
import { until } from './within.ts';

export interface Sshd {
  port: number;
  folder: string;
  /** Path of the private key that may log in. */
  key: string;
  /** A known_hosts file that holds the server's key for every loopback address that was trusted. */
  knownHosts: string;
  username: string;
  /** Writes the server's key down for a host. */
  trust(host: string): void;
  /** Pids of the processes that serve connections now. */
  sessions(): number[];
  pid: number;
  log(): string;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '0.0.0.0', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export function makeKey(path: string, type = 'ed25519', passphrase = ''): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'test', '-f', path]);
  return path;
}

export async function withSshd<T>(
  body: (sshd: Sshd) => Promise<T>,
  lines: readonly string[] = [],
): Promise<T> {
  const program = findProgram('sshd') as string;
  return withFolder(async (folder) => {
    const port = await freePort();
    const username = userInfo().username;
    const key = makeKey(join(folder, 'login'));
    makeKey(join(folder, 'host'));
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    writeFileSync(join(folder, 'authorized_keys'), readFileSync(`${key}.pub`));
    const config = join(folder, 'sshd_config');
    writeFileSync(
      config,
      [
        ...lines,
        `Port ${port}`,
        'ListenAddress 0.0.0.0',
        `AllowUsers ${username}@127.*`,
        `HostKey ${join(folder, 'host')}`,
        `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
        'PidFile none',
        'UsePAM no',
        'StrictModes no',
        'PermitRootLogin yes',
        'PasswordAuthentication no',
        'PrintMotd no',
        'MaxStartups 500',
        'MaxSessions 100',
        'Subsystem sftp internal-sftp',
        '',
      ].join('\n'),
    );
    const log = join(folder, 'sshd.log');
    const child: ChildProcess = spawn(program, ['-D', '-f', config, '-E', log], { stdio: 'ignore' });
    const hostKey = readFileSync(join(folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    const knownHosts = join(folder, 'known_hosts');
    writeFileSync(knownHosts, '');
    const pid = child.pid as number;
    const sshd: Sshd = {
      port,
      folder,
      key,
      knownHosts,
      username,
      pid,
      trust: (host) => appendFileSync(knownHosts, `[${host}]:${port} ${hostKey}\n`),
      sessions: () => childrenOf(pid),
      log: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    };
    try {
      await until(
        20_000,
        () => {
          if (child.exitCode !== null) throw new Error(`sshd ended: ${sshd.log()}`);
          return sshd.log().includes('Server listening');
        },
        'sshd listening',
      );
      return await body(sshd);
    } finally {
      for (const session of sshd.sessions()) kill(session);
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await gone;
    }
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}
