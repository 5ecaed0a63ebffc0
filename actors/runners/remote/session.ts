/** Shells on a host that run a script from their stdin. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { RemoteError } from './connect.ts';

export interface Ending {
  code?: number;
  signal?: string;
}

/** Undefined when the work takes longer or fails. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const clock = new AbortController();
  try {
    return await Promise.race([work, sleep(ms, undefined, { signal: clock.signal })]);
  } catch {
    return undefined;
  } finally {
    clock.abort();
  }
}

/** Runs a script with /bin/sh on the host. True if it succeeded. */
export function runScript(client: Client, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.exec('exec /bin/sh', (error, channel) => {
      if (error) return resolve(false);
      let code: number | undefined;
      channel.on('exit', (value: number) => {
        code = value;
      });
      channel.on('close', () => resolve(code === 0));
      channel.on('error', () => resolve(false));
      channel.resume();
      channel.stderr.resume();
      channel.end(text);
    });
  });
}

export interface Session {
  channel: ClientChannel;
  /** Set when the command has ended. */
  ending: Ending;
  exited: Promise<void>;
  closed: Promise<void>;
}

/** The listeners are added in the callback: the packet that opens a channel can also close it. */
export function startShell(client: Client, text: string): Promise<Session> {
  return new Promise((resolve, reject) => {
    client.exec('exec /bin/sh', (error, channel) => {
      if (error) return reject(new RemoteError(`the host did not start the command: ${error.message}`));
      const ending: Ending = {};
      const exited = new Promise<void>((done) => {
        channel.once('exit', (code: number | null, signal?: string) => {
          if (typeof code === 'number') ending.code = code;
          if (signal) ending.signal = signal.startsWith('SIG') ? signal : `SIG${signal}`;
          done();
        });
      });
      const closed = new Promise<void>((done) => channel.once('close', () => done()));
      // A shell that ends before it has read the whole script closes the pipe; its exit code tells what happened.
      channel.on('error', () => undefined);
      channel.end(text);
      resolve({ channel, ending, exited, closed });
    });
  });
}
