/**
 * The checks of `doctor`. Each returns findings, with advice where something is wrong.
 */
import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { version } from '../lib/version.ts';
import type { OperationsJson } from '../wire/operations.ts';
import type { CliError } from './cli-error.ts';
import { type Client, createClient } from './client.ts';
import type { Connection } from './connection.ts';
import { formatBytes, formatDuration } from './render/duration.ts';
import { safeLine } from './render/terminal-text.ts';

export interface Finding {
  check: string;
  state: 'ok' | 'warning' | 'problem';
  text: string;
  /** What to do about it. */
  advice?: string;
}

/** Beyond this difference, "10m ago" means different times to client and server. */
const CLOCK_LIMIT_MS = 2_000;
const LOW_DISK_BYTES = 1_000_000_000;

function runtime(): Finding {
  const text = `Node ${process.versions.node} at ${process.execPath}`;
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return { check: 'runtime', state: 'ok', text };
  return {
    check: 'runtime',
    state: 'problem',
    text,
    advice: 'Linefeed needs Node 24 or newer; `npm i` installs one in the package `node`.',
  };
}

async function server(client: Client): Promise<Finding[]> {
  const { url, urlSource } = client.connection;
  const before = Date.now();
  try {
    const response = await client.request('/healthz');
    const took = Date.now() - before;
    await response.text();
    const findings: Finding[] = [
      { check: 'server', state: 'ok', text: `${url} (${urlSource}) responds in ${took} ms` },
    ];
    const date = Date.parse(response.headers.get('date') ?? '');
    if (!Number.isNaN(date)) {
      // The header has whole seconds: allow half a second in either direction.
      const skew = Math.max(0, Math.abs(date + 500 - (before + took / 2)) - 500);
      findings.push(
        skew > CLOCK_LIMIT_MS
          ? {
              check: 'clock',
              state: 'warning',
              text: `the server's clock differs from this one by ${Math.round(skew / 1000)} s`,
              advice: 'Synchronize both machines with a time server; durations and --since depend on it.',
            }
          : { check: 'clock', state: 'ok', text: 'the clocks agree' },
      );
    }
    return findings;
  } catch (error) {
    const known = error as CliError;
    return [
      {
        check: 'server',
        state: 'problem',
        text: known.message,
        ...(known.hint ? { advice: known.hint } : {}),
      },
    ];
  }
}

interface Ready {
  checks?: Record<string, { ok: boolean; error?: string }>;
}

const READY_ADVICE: Record<string, string> = {
  event_log:
    'New executions cannot be recorded. Is the disk full, or Kafka unavailable? See the log of the server.',
  output_index:
    'Output is safe in the event log, but reading and searching fail. Is the disk full, or Elasticsearch unavailable?',
  server: 'The server is stopping. Start it again: npm start',
};

async function ready(client: Client): Promise<Finding[]> {
  try {
    const response = await client.request('/readyz', { alsoOk: [503] });
    const { checks = {} } = (await response.json()) as Ready;
    const broken = Object.entries(checks).filter(([, { ok }]) => !ok);
    if (response.ok && broken.length === 0) {
      return [{ check: 'ready', state: 'ok', text: 'event log and index are available' }];
    }
    return broken.map(([part, { error }]) => ({
      check: 'ready',
      state: 'problem',
      text: `${part.replaceAll('_', ' ')}: ${safeLine(error ?? 'not ready')}`,
      advice: READY_ADVICE[part] ?? 'See the log of the server.',
    }));
  } catch (error) {
    return [{ check: 'ready', state: 'problem', text: (error as Error).message }];
  }
}

/** A longer delay is more than a burst of output explains. */
const BEHIND_LIMIT_MS = 10_000;

async function load(client: Client): Promise<Finding[]> {
  const state = await client.json<OperationsJson>('/v1/operations').catch(() => undefined);
  if (!state) return [];
  const { running, queued, limit } = state.executions;
  const engines = [...new Set(Object.values(state.engines))].join(' and ');
  const findings: Finding[] = [
    {
      check: 'load',
      state: queued > 0 && running >= limit ? 'warning' : 'ok',
      text: `${running} of ${limit} running, ${queued} queued${engines ? `, on ${engines}` : ''}`,
      ...(queued > 0 && running >= limit ? { advice: 'Raise worker.concurrency, or add a worker.' } : {}),
    },
  ];
  const behind = state.projector?.behind_ms ?? 0;
  if (behind > BEHIND_LIMIT_MS) {
    findings.push({
      check: 'index',
      state: 'warning',
      text: `${formatDuration(behind)} behind the event log`,
      advice:
        'Following is not affected. The index catches up by itself, unless `ready` above reports a problem.',
    });
  }
  if (state.version !== version()) {
    findings.push({
      check: 'version',
      state: 'warning',
      text: `the server has version ${safeLine(state.version)}, this CLI ${version()}`,
      advice: 'Install the same version on both sides.',
    });
  }
  return findings;
}

async function token(client: Client): Promise<Finding> {
  try {
    const executions = await client.json<unknown[]>('/v1/executions', { query: { limit: 1 } });
    const some = Array.isArray(executions) && executions.length > 0;
    return {
      check: 'token',
      state: 'ok',
      text: `from ${client.connection.tokenSource}, accepted${some ? '' : '; no executions yet'}`,
    };
  } catch (error) {
    const known = error as CliError;
    return {
      check: 'token',
      state: 'problem',
      text: known.message,
      ...(known.hint ? { advice: known.hint } : {}),
    };
  }
}

function tokenFile({ data }: Connection): Finding | undefined {
  try {
    const mode = statSync(join(data, 'token')).mode & 0o777;
    if ((mode & 0o077) === 0) return undefined;
    return {
      check: 'token file',
      state: 'problem',
      text: `${join(data, 'token')} can be read by others (mode ${mode.toString(8)})`,
      advice: `chmod 600 ${join(data, 'token')}`,
    };
  } catch {
    return undefined;
  }
}

async function disk({ data }: Connection): Promise<Finding> {
  try {
    const { bavail, bsize, blocks } = await statfs(data);
    const free = bavail * bsize;
    const share = Math.round((bavail / Math.max(1, blocks)) * 100);
    const text = `${formatBytes(free)} (${share} %) free at ${data}`;
    if (free > LOW_DISK_BYTES) return { check: 'disk', state: 'ok', text };
    return {
      check: 'disk',
      state: 'warning',
      text,
      advice:
        '`linefeed purge --dry-run` shows what retention would free; set shorter times under retention in linefeed.yaml.',
    };
  } catch {
    return {
      check: 'disk',
      state: 'warning',
      text: `there is no data folder ${data} on this machine`,
      advice:
        'Ignore this if the server runs elsewhere. Otherwise set LINEFEED_DATA to the folder that the server prints at start.',
    };
  }
}

/** All findings, most basic first. Without a server, the checks that need one are skipped. */
export async function examine(connection: Connection): Promise<Finding[]> {
  const client = createClient(connection);
  const findings = [runtime(), ...(await server(client))];
  if (findings.some(({ check, state }) => check === 'server' && state === 'ok')) {
    findings.push(...(await ready(client)), await token(client), ...(await load(client)));
  }
  const file = tokenFile(connection);
  if (file) findings.push(file);
  findings.push(await disk(connection));
  return findings;
}
