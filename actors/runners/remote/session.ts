/** One shell on a host: started with a text on its stdin, watched from its first packet to its last. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { RemoteError } from './connect.ts';

export interface Ending {
  code?: number;
  signal?: string;
}

/** Undefined when it took longer, or failed. */
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

/** Runs a short text with /bin/sh there and waits for its end. */
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
  /** Filled in when the command has ended. */
  ending: Ending;
  exited: Promise<void>;
  closed: Promise<void>;
}

/** Listens from within the callback: what ends at once has its end in the same packet as its beginning. */
export function startShell(client: Client, text: string): Promise<Session> {
  return new Promise((resolve, reject) => {
    client.exec('exec /bin/sh', (error, channel) => {
      if (error) return reject(new RemoteError(`it did not start the command: ${error.message}`));
      const ending: Ending = {};
      const exited = new Promise<void>((done) => {
        channel.once('exit', (code: number | null, signal?: string) => {
          if (typeof code === 'number') ending.code = code;
          if (signal) ending.signal = signal.startsWith('SIG') ? signal : `SIG${signal}`;
          done();
        });
      });
      const closed = new Promise<void>((done) => channel.once('close', () => done()));
      // A shell that ends before it has read all of its text closes the pipe; its exit code says what happened.
      channel.on('error', () => undefined);
      channel.end(text);
      resolve({ channel, ending, exited, closed });
    });
  });
}
