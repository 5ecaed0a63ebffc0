/**
 * The HTTP client: authorisation, JSON, problem answers as CliErrors that say what to do. Streams with resume are
 * event-source.ts's business.
 */
import { CliError } from './cli-error.ts';
import type { Connection } from './connection.ts';
import { safeLine } from './render/terminal-text.ts';

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'DELETE';
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Answers to take besides 2xx. */
  alsoOk?: readonly number[];
}

export interface Client {
  connection: Connection;
  /** The answer, 2xx only. @throws CliError for anything else. */
  request(path: string, options?: RequestOptions): Promise<Response>;
  /** Its JSON. */
  json<T>(path: string, options?: RequestOptions): Promise<T>;
}

interface Problem {
  title?: string;
  detail?: string;
  code?: string;
  faultstring?: string;
  errors?: { path?: string; message?: string }[];
}

/** `path?a=1&b=2`; undefined is left out, a list repeats its name. */
export function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

function unreachable(connection: Connection, cause: unknown): CliError {
  const inner =
    (cause as { cause?: { code?: string; message?: string } }).cause ?? (cause as { code?: string });
  const code = (inner as { code?: string }).code ?? '';
  const why: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'that host name is not known',
    EAI_AGAIN: 'that host name could not be looked up',
    ECONNRESET: 'the connection was cut',
    UND_ERR_SOCKET: 'the connection was cut',
    UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
    ETIMEDOUT: 'no answer in time',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; name its CA in NODE_EXTRA_CA_CERTS',
  };
  const reason = why[code] ?? (inner as { message?: string }).message ?? (cause as Error).message;
  return new CliError(`no Linefeed server at ${connection.url} (${connection.urlSource}): ${reason}`, {
    hint: 'Start one with `npm start` (or `linefeed server`), or name another in LINEFEED_URL.',
    retriable: true,
    // Cut means that the request may have been taken: only what is idempotent may be sent again.
    code: code === 'ECONNRESET' || code === 'UND_ERR_SOCKET' ? 'cut' : 'unreachable',
    cause,
  });
}

async function failure(response: Response, connection: Connection): Promise<CliError> {
  const text = await response.text().catch(() => '');
  let problem: Problem = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === 'object') problem = parsed as Problem;
  } catch {
    problem = { detail: text.slice(0, 200) };
  }
  const { status } = response;
  const detail = safeLine(problem.detail ?? problem.faultstring ?? problem.title ?? `HTTP ${status}`);
  const details = { status, code: problem.code, retriable: status === 429 || status >= 500 };
  if (status === 401) {
    const from = connection.token
      ? `the token from ${connection.tokenSource} is not accepted`
      : 'a token is needed';
    return new CliError(`${from} by ${connection.url}`, {
      ...details,
      hint: connection.token
        ? 'Set LINEFEED_TOKEN to the content of the file `token` in the data folder of that server, or unset it to let the CLI read the file.'
        : `${connection.tokenWithheld ?? `Looked in ${connection.tokenSource}.`} Set LINEFEED_TOKEN, or LINEFEED_DATA to the data folder of the server (it prints both at start).`,
    });
  }
  if (status === 403) {
    return new CliError(detail, {
      ...details,
      hint: 'A key with a wider scope is needed; `linefeed keys create --scope admin NAME` makes one with the token of the data folder.',
    });
  }
  const fields = (problem.errors ?? []).map((error) =>
    safeLine(`${error.path ?? ''}: ${error.message ?? ''}`),
  );
  const extra = fields.filter((field) => !detail.includes(field));
  if (
    status === 404 &&
    problem.code === undefined &&
    response.headers.get('content-type')?.includes('html')
  ) {
    return new CliError(`${connection.url} answers, but it is no Linefeed server`, details);
  }
  return new CliError(detail, { ...details, hint: extra.length > 0 ? extra.join('\n') : undefined });
}

export function createClient(connection: Connection): Client {
  async function request(path: string, options: RequestOptions = {}): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
    if (connection.token) headers.Authorization = `Bearer ${connection.token}`;
    if (options.body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      response = await fetch(`${connection.url}${withQuery(path, options.query)}`, {
        method: options.method ?? 'GET',
        headers,
        redirect: 'error',
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    } catch (cause) {
      if (options.signal?.aborted) throw cause;
      throw unreachable(connection, cause);
    }
    if (!response.ok && !options.alsoOk?.includes(response.status)) throw await failure(response, connection);
    return response;
  }
  return {
    connection,
    request,
    async json<T>(path: string, options: RequestOptions = {}) {
      const response = await request(path, options);
      try {
        return (await response.json()) as T;
      } catch (cause) {
        if (options.signal?.aborted) throw cause;
        throw new CliError(`${connection.url} did not answer with JSON: is it a Linefeed server?`, { cause });
      }
    },
  };
}
