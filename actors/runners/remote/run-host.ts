/**
 * Runs a remote execution on one host: log in, copy the script if there is one, run it, write both streams to their files, and
 * clean up, however it ends.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { bootstrap, killScript, pidMarker } from './bootstrap.ts';
import { type Connector, RemoteError } from './connect.ts';
import { copyScript, removeScript } from './copy-script.ts';
import { openHostOutput } from './host-output.ts';
import type { RemoteHost } from './hosts.ts';
import type { HostOutcome, RemoteJob } from './job.ts';
import { takeMarker } from './marker.ts';
import { type Ending, runScript, startShell, within } from './session.ts';

/** Time for the clean-up on a host that lost its connection or does not answer. */
const CLEAN_UP_MS = 8000;

/** Time to write received bytes to the disk. */
const WRITE_MS = 10_000;

/** Time for the exit code to arrive after the end of a session. */
const EXIT_MS = 2000;

interface HostRun {
  job: RemoteJob;
  host: RemoteHost;
  connector: Connector;
  /** Aborted to end the execution. */
  stop: AbortSignal;
}

function failure(error: string, code = 255): HostOutcome {
  return { return_code: code, succeeded: false, failed: true, error };
}

function outcomeOf({ code, signal }: Ending): HostOutcome {
  if (signal) {
    return {
      return_code: 128 + (constants.signals[signal as NodeJS.Signals] ?? 0),
      succeeded: false,
      failed: true,
      signal,
      error: `Ended by ${signal} on the host`,
    };
  }
  const ok = code === 0;
  return { return_code: code ?? 255, succeeded: ok, failed: !ok };
}

/** Undefined when `stop` was aborted first: a host that does not answer must not delay the end. */
async function openUnlessStopped(
  connector: Connector,
  host: RemoteHost,
  stop: AbortSignal,
): Promise<Client | undefined> {
  const opening = connector.open(host);
  const stopped = new Promise<undefined>((resolve) => {
    stop.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const client = await Promise.race([opening, stopped]);
  if (!client) opening.then((late) => late.end()).catch(() => undefined);
  return client;
}

/** Never rejects. */
export async function runHost({ job, host, connector, stop }: HostRun): Promise<HostOutcome> {
  const { work, graceMs } = job;
  const nonce = randomBytes(12).toString('hex');
  const folder =
    work.kind === 'script'
      ? `${work.dir.replace(/\/+$/, '')}/linefeed-${job.executionId}-${nonce.slice(0, 8)}`
      : '';
  const path = (stream: string) => join(job.folder, 'hosts', `${host.label}.${stream}`);
  const stdout = openHostOutput(path('stdout'));
  const stderr = openHostOutput(path('stderr'));
  const files = [stdout, stderr];
  let copied = false;
  let pid: number | undefined;
  let over = false;
  let piped = false;

  /** Ends the command and removes the script. True if nothing remains. */
  async function cleanUp(client: Client): Promise<boolean> {
    let clean = true;
    if (pid !== undefined && !over) {
      // The rest of the grace period is needed for the steps that follow.
      const tenths = Math.max(1, Math.floor((graceMs * 0.6) / 100));
      clean = (await within(graceMs * 0.8, runScript(client, killScript(pid, tenths, work)))) === true;
    }
    if (copied) clean = (await within(CLEAN_UP_MS, removeScript(client, folder))) === true && clean;
    return clean;
  }

  /** Connects once more after a lost connection, and cleans up. Returns the outcome for the error message. */
  async function reconnectToCleanUp(): Promise<string> {
    if (pid === undefined && !copied) return '';
    const again = connector.open(host);
    const client = await within(CLEAN_UP_MS, again);
    void again.then((late) => client ?? late.end()).catch(() => undefined);
    const clean = client ? await cleanUp(client) : false;
    client?.end();
    if (clean) return '; its processes there were ended';
    const left = copied ? ` and ${folder} may still be there` : '';
    return pid === undefined
      ? left
      : `; the command may still be running there as process group ${pid}${left}`;
  }

  async function runCommand(client: Client): Promise<HostOutcome> {
    const lost = new Promise<string>((resolve) => {
      client.once('error', (error) => resolve(error.message));
      client.once('close', () => resolve('closed'));
    });
    const { channel, ending, exited, closed } = await Promise.race([
      startShell(client, bootstrap(work, nonce, folder)),
      lost.then((why): never => {
        throw new RemoteError(`connection lost: ${why}`);
      }),
    ]);
    void exited.then(() => {
      over = true;
    });
    channel.pipe(stdout);
    channel.stderr
      .pipe(
        takeMarker(pidMarker(nonce), (found) => {
          pid = found;
        }),
      )
      .pipe(stderr);
    piped = true;
    const stopped = new Promise<'stop'>((resolve) => {
      if (stop.aborted) resolve('stop');
      else stop.addEventListener('abort', () => resolve('stop'), { once: true });
    });
    const first = await Promise.race([
      Promise.all([exited, closed]).then(() => 'done' as const),
      // A background process can hold the streams open forever.
      exited.then(() => sleep(job.drainMs)).then(() => 'drained' as const),
      closed.then(() => sleep(EXIT_MS)).then(() => 'closed' as const),
      lost.then(() => 'lost' as const),
      stopped,
    ]);
    if (first === 'stop') {
      if (pid === undefined)
        await within(
          graceMs * 0.2,
          untilSet(() => pid),
        );
      const clean = await cleanUp(client);
      await within(1000, closed);
      const left = clean || over ? '' : '; the command may still be running there';
      return { ...outcomeOf(ending), ...(left ? { error: `ended by request${left}` } : {}) };
    }
    if (first === 'lost' && ending.code === undefined && ending.signal === undefined) {
      const why = await lost;
      const reason = /keepalive/i.test(why)
        ? `no answer to keep-alives for ${Math.round((job.keepaliveMs * 3) / 1000)} s`
        : why === 'closed'
          ? 'closed by the host'
          : why;
      return failure(`connection lost: ${reason}${await reconnectToCleanUp()}`);
    }
    if (ending.code === undefined && ending.signal === undefined) {
      return failure('the host ended the session without an exit code');
    }
    if (copied) await within(CLEAN_UP_MS, removeScript(client, folder));
    return outcomeOf(ending);
  }

  async function run(): Promise<HostOutcome> {
    if (stop.aborted) return failure('ended before it began on this host');
    const client = await openUnlessStopped(connector, host, stop);
    if (!client) return failure('ended before it began on this host');
    client.on('error', () => undefined);
    try {
      if (work.kind === 'script') {
        copied = true;
        await copyScript(client, work.file, folder);
      }
      return await runCommand(client);
    } finally {
      if (copied && !over && pid === undefined) await within(CLEAN_UP_MS, removeScript(client, folder));
      client.end();
    }
  }

  const outcome = await run().catch((error: Error) =>
    failure(error instanceof RemoteError ? error.message : `failed: ${error.message}`),
  );
  const written = Promise.all(files.map((file) => finished(file).catch(() => undefined)));
  // The streams end with the connection, once the last received byte is written.
  if (piped) await within(WRITE_MS, written);
  for (const file of files) file.end();
  await written;
  return outcome;
}

async function untilSet(value: () => unknown): Promise<void> {
  while (value() === undefined) await sleep(20);
}
