/**
 * What `doctor` looks at: each check answers with findings, and with what to do where something is wrong.
 */
import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { OperationsJson } from '../wire/operations.ts';
import type { CliError } from './cli-error.ts';
import { type Client, createClient } from './client.ts';
import type { Connection } from './connection.ts';
import { formatBytes, formatDuration } from './render/duration.ts';
import { safeLine } from './render/terminal-text.ts';
import { version } from './version.ts';

export interface Finding {
  check: string;
  state: 'ok' | 'warning' | 'problem';
  says: string;
  /** What to do about it. */
  advice?: string;
}

/** A clock that is off by more makes "10m ago" mean something else on either side. */
const CLOCK_LIMIT_MS = 2_000;
const LOW_DISK_BYTES = 1_000_000_000;

function runtime(): Finding {
  const says = `Node ${process.versions.node} at ${process.execPath}`;
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return { check: 'runtime', state: 'ok', says };
  return {
    check: 'runtime',
    state: 'problem',
    says,
    advice: 'Node 24 or newer is needed; `npm i` brings one in the package `node`.',
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
      { check: 'server', state: 'ok', says: `${url} (${urlSource}) answers in ${took} ms` },
    ];
    const date = Date.parse(response.headers.get('date') ?? '');
    if (!Number.isNaN(date)) {
      // The header counts whole seconds, so half a second is taken off on both sides.
      const skew = Math.max(0, Math.abs(date + 500 - (before + took / 2)) - 500);
      findings.push(
        skew > CLOCK_LIMIT_MS
          ? {
              check: 'clock',
              state: 'warning',
              says: `the clock of the server is ${Math.round(skew / 1000)} s off from this one`,
              advice: 'Let both machines follow a time server; durations and --since count on it.',
            }
          : { check: 'clock', state: 'ok', says: 'the clocks agree' },
      );
    }
    return findings;
  } catch (error) {
    const known = error as CliError;
    return [
      {
        check: 'server',
        state: 'problem',
        says: known.message,
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
    'New executions cannot be recorded. Is the disk full, or Kafka away? The log of the server names the cause.',
  output_index:
    'Output is safe in the event log, reading and searching are not. Is the disk full, or Elasticsearch away?',
  server: 'It is stopping. Start it again: npm start',
};

async function ready(client: Client): Promise<Finding[]> {
  try {
    const response = await client.request('/readyz', { alsoOk: [503] });
    const { checks = {} } = (await response.json()) as Ready;
    const broken = Object.entries(checks).filter(([, { ok }]) => !ok);
    if (response.ok && broken.length === 0) {
      return [{ check: 'ready', state: 'ok', says: 'event log and index are there' }];
    }
    return broken.map(([part, { error }]) => ({
      check: 'ready',
      state: 'problem',
      says: `${part.replaceAll('_', ' ')}: ${safeLine(error ?? 'not ready')}`,
      advice: READY_ADVICE[part] ?? 'The log of the server names the cause.',
    }));
  } catch (error) {
    return [{ check: 'ready', state: 'problem', says: (error as Error).message }];
  }
}

/** An index that is further behind than this is no longer catching up with a burst. */
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
      says: `${running} of ${limit} running, ${queued} queued${engines ? `, on ${engines}` : ''}`,
      ...(queued > 0 && running >= limit
        ? { advice: 'More run at once with actionrunner.concurrency, or with another worker.' }
        : {}),
    },
  ];
  const behind = state.projector?.behind_ms ?? 0;
  if (behind > BEHIND_LIMIT_MS) {
    findings.push({
      check: 'index',
      state: 'warning',
      says: `${formatDuration(behind)} behind the event log`,
      advice: 'Following is not affected. It catches up by itself, unless `ready` above says otherwise.',
    });
  }
  if (state.version !== version()) {
    findings.push({
      check: 'version',
      state: 'warning',
      says: `the server is ${safeLine(state.version)}, this is ${version()}`,
      advice: 'Use the same version on both sides.',
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
      says: `from ${client.connection.tokenSource}, accepted${some ? '' : '; no executions yet'}`,
    };
  } catch (error) {
    const known = error as CliError;
    return {
      check: 'token',
      state: 'problem',
      says: known.message,
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
      says: `${join(data, 'token')} can be read by others (mode ${mode.toString(8)})`,
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
    const says = `${formatBytes(free)} (${share} %) free at ${data}`;
    if (free > LOW_DISK_BYTES) return { check: 'disk', state: 'ok', says };
    return {
      check: 'disk',
      state: 'warning',
      says,
      advice:
        '`linefeed purge --dry-run` says what retention would free; shorter times go into garbagecollector in linefeed.yaml.',
    };
  } catch {
    return {
      check: 'disk',
      state: 'warning',
      says: `there is no data folder ${data} on this machine`,
      advice:
        'That is right when the server runs elsewhere; otherwise set LINEFEED_DATA to the folder that it names at start.',
    };
  }
}

/** All findings, in the order in which a person would look; what needs a server is left out when there is none. */
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
