/** Which worker takes a request, and why none does. */

export interface Candidate {
  worker: string;
  labels: Record<string, string>;
  /** Executions that it has. */
  running: number;
  /** Executions that it runs at most. */
  limit: number;
}

type Labels = Record<string, string>;

function labelsFit(wanted: Labels, { labels }: Candidate): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** The name of the worker with the most room among those that have the labels. */
export function chooseWorker(candidates: readonly Candidate[], wanted: Labels = {}): string | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (candidate.running >= candidate.limit || !labelsFit(wanted, candidate)) continue;
    if (!best || candidate.running / candidate.limit < best.running / best.limit) best = candidate;
  }
  return best?.worker;
}

/** In words for a person; undefined when a worker has room for it. */
export function waitReason(candidates: readonly Candidate[], wanted: Labels = {}): string | undefined {
  if (candidates.length === 0) return 'waits for a worker: none is connected';
  const fitting = candidates.filter((candidate) => labelsFit(wanted, candidate));
  if (fitting.length === 0) {
    const labels = Object.entries(wanted).map(([name, value]) => `${name}=${value}`);
    return `waits for a worker with ${labels.join(', ')}`;
  }
  if (chooseWorker(fitting) !== undefined) return undefined;
  const sum = (of: 'running' | 'limit') => fitting.reduce((total, candidate) => total + candidate[of], 0);
  return `waits for room: ${sum('running')} running of limit ${sum('limit')}`;
}
