/**
 * Names of indices. Output is in one index a day, by the chunk's own time; executions are in one a month, by the time in
 * their id. So an event that is delivered again is written to the same index. A rebuild fills a second set.
 */
export interface IndexNames {
  generation: number;
  /** Aliases that readers use. */
  outputAlias: string;
  executionsAlias: string;
  /** Beginnings of the names of this generation's indices. */
  outputBase: string;
  executionsBase: string;
  output(at: number): string;
  executions(executionId: string, requestedAt: number): string;
}

const DAY_MS = 86_400_000;

export function stateIndex(prefix: string): string {
  return `${prefix}-state`;
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10).replaceAll('-', '.');
}

/** Milliseconds since the epoch at which a UUIDv7 was generated; undefined for other ids. */
export function idTime(executionId: string): number | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(executionId)) return undefined;
  return Number.parseInt(executionId.slice(0, 8) + executionId.slice(9, 13), 16);
}

export function indexNames(prefix: string, generation: number): IndexNames {
  const base = generation === 1 ? prefix : `${prefix}-r${generation}`;
  const outputBase = `${base}-output-`;
  const executionsBase = `${base}-executions-`;
  return {
    generation,
    outputAlias: `${prefix}-output`,
    executionsAlias: `${prefix}-executions`,
    outputBase,
    executionsBase,
    output: (at) => `${outputBase}${day(at)}`,
    executions: (executionId, requestedAt) =>
      `${executionsBase}${day(idTime(executionId) ?? requestedAt).slice(0, 8)}01`,
  };
}

/** The span of time that an index holds, from its name; undefined for foreign names. */
export function spanOf(
  index: string,
): { from: number; to: number; kind: 'output' | 'executions' } | undefined {
  const match = /-(output|executions)-(\d{4})\.(\d{2})\.(\d{2})$/.exec(index);
  if (!match) return undefined;
  const [year, month, date] = match.slice(2).map(Number) as [number, number, number];
  const from = Date.UTC(year, month - 1, date);
  const kind = match[1] as 'output' | 'executions';
  return { from, to: kind === 'output' ? from + DAY_MS : Date.UTC(year, month, 1), kind };
}
