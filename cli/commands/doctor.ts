/**
 * `linefeed doctor`: looks at what usually goes wrong, in the order in which it does, and names what to do.
 */

import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { CliError } from '../cli-error.ts';
import { type Client, createClient } from '../client.ts';
import { type Connection, findConnection } from '../connection.ts';
import { action, withConnection } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { answerFormat } from '../output-options.ts';
import { formatBytes } from '../render/duration.ts';
import { toJson } from '../render/json.ts';

interface Finding {
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

async function ready(client: Client): Promise<Finding> {
  try {
    await client.request('/readyz').then((response) => response.text());
    return { check: 'ready', state: 'ok', says: 'event log and index are there' };
  } catch (error) {
    return {
      check: 'ready',
      state: 'problem',
      says: (error as Error).message,
      advice: 'The log of the server says which part is not ready (event log, index, Kafka, Elasticsearch).',
    };
  }
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

export function doctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .summary('find out why something does not work')
    .description(
      'Checks the runtime, the server, the token, the disk and the clocks, and says what to do. Exits 1 when something is wrong.',
    )
    .addOption(answerFormat());
  withConnection(command);
  action<{ output: 'text' | 'json'; url?: string; token?: string; data?: string }, []>(
    command,
    async (context, options) => {
      const { terminal } = context;
      const connection = await findConnection(options, process.env);
      const client = createClient(connection);
      const findings = [runtime(), ...(await server(client))];
      const reached = findings.some(({ check, state }) => check === 'server' && state === 'ok');
      if (reached) findings.push(await ready(client), await token(client));
      const file = tokenFile(connection);
      if (file) findings.push(file);
      findings.push(await disk(connection));
      if (options.output === 'json') await terminal.print(toJson(findings));
      else {
        const marks = { ok: ['ok', 'green'], warning: ['warn', 'yellow'], problem: ['FAIL', 'red'] } as const;
        for (const { check, state, says, advice } of findings) {
          const [mark, colour] = marks[state];
          await terminal.print(`${terminal.style(mark.padEnd(4), colour)}  ${check.padEnd(10)}  ${says}`);
          for (const line of advice?.split('\n') ?? [])
            await terminal.print(`      ${' '.repeat(10)}  -> ${line}`);
        }
      }
      return findings.some(({ state }) => state === 'problem') ? 1 : EXIT.ok;
    },
  );
}
