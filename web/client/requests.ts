/** Requests to Linefeed's API: JSON, NDJSON, errors as `Problem`, and the sign-in state. */

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly { path: string; message: string }[];
  constructor(
    status: number,
    code: string,
    message: string,
    errors: readonly { path: string; message: string }[] = [],
  ) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

const signedOut = new Set<() => void>();
/** Calls back when the server answers 401. Returns how to stop. */
export function onSignedOut(listener: () => void): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}
function tellSignedOut() {
  for (const listener of signedOut) listener();
}

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => '');
  try {
    const body = JSON.parse(text);
    const message = body.detail || body.faultstring || body.title;
    return new Problem(response.status, body.code ?? '', message ?? `HTTP ${response.status}`, body.errors);
  } catch {
    return new Problem(response.status, '', `The server answered ${response.status} ${response.statusText}`);
  }
}

/** @throws Problem when the answer is an error; with status 0 when the server does not answer. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Problem(0, 'unreachable', 'The server cannot be reached. Is it running?');
  }
  if (response.status === 401) tellSignedOut();
  if (!response.ok) throw await problemOf(response);
  return response;
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, {
    headers: { accept: 'application/json' },
    ...(signal ? { signal } : {}),
  });
  return (await response.json()) as T;
}

export async function sendJson<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await request(path, {
    method,
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export async function getLines<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const response = await request(path, {
    headers: { accept: 'application/x-ndjson' },
    ...(signal ? { signal } : {}),
  });
  const text = await response.text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

/** A query string of the values that are neither undefined nor empty. */
export function query(values: Record<string, string | number | boolean | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}
