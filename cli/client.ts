/**
 * The HTTP client: authorization, JSON, and problem responses as CliErrors with a hint. event-source.ts does streams that
 * resume.
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
  /** Statuses to accept besides 2xx. */
  alsoOk?: readonly number[];
}

export interface Client {
  connection: Connection;
  /** The response, 2xx only. @throws CliError for any other status. */
  request(path: string, options?: RequestOptions): Promise<Response>;
  /** The response's JSON. */
  json<T>(path: string, options?: RequestOptions): Promise<T>;
}

interface Problem {
  title?: string;
  detail?: string;
  code?: string;
  faultstring?: string;
  errors?: { path?: string; message?: string }[];
}

/** `path?a=1&b=2`; undefined values are skipped, a list repeats its name. */
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
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'nothing listens at this address',
    ENOTFOUND: 'unknown host name',
    EAI_AGAIN: 'the host name lookup failed',
    ECONNRESET: 'the connection was lost',
    UND_ERR_SOCKET: 'the connection was lost',
    UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
    ETIMEDOUT: 'connection timed out',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; set NODE_EXTRA_CA_CERTS to its CA',
  };
  const reason = reasons[code] ?? (inner as { message?: string }).message ?? (cause as Error).message;
  return new CliError(`no Linefeed server at ${connection.url} (${connection.urlSource}): ${reason}`, {
    hint: 'Start one with `npm start` (or `linefeed server`), or set LINEFEED_URL to another.',
    retriable: true,
    // With `cut`, the server may have received the request: retry only idempotent requests.
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
    const reason = connection.token
      ? `does not accept the token from ${connection.tokenSource}`
      : 'requires a token';
    return new CliError(`${connection.url} ${reason}`, {
      ...details,
      hint: connection.token
        ? 'Set LINEFEED_TOKEN to the content of the file `token` in the data folder of that server, or unset it so that the CLI reads the file.'
        : `${connection.tokenWithheld ?? `Looked in ${connection.tokenSource}.`} Set LINEFEED_TOKEN, or set LINEFEED_DATA to the data folder of the server, which it prints at start.`,
    });
  }
  if (status === 403) {
    return new CliError(detail, {
      ...details,
      hint: 'This needs a key with a wider scope. Create one with the token of the data folder: linefeed keys create --scope admin NAME',
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
    return new CliError(`${connection.url} responded, but it is not a Linefeed server`, details);
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
        throw new CliError(`${connection.url} did not respond with JSON. Is it a Linefeed server?`, {
          cause,
        });
      }
    },
  };
}
