/** What tests of the CLI's commands share: a server of their own, and waiting until it has what a command asks for. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withFolder } from './folder.ts';
import { type ServerProcess, withServer } from './server.ts';
import { until } from './within.ts';

/** A test body with a folder and a server in it. */
export const served =
  (body: (server: ServerProcess, folder: string) => Promise<void>, options?: { args: string[] }) => () =>
    withFolder((folder) => withServer(join(folder, 'data'), (server) => body(server, folder), options ?? {}));

/** Resolves when the server has at least `streams` open streams. */
export async function followed(server: ServerProcess, streams: number): Promise<void> {
  await until(20_000, async () => {
    const operations = await server.json<{ followers: { open_streams: number } }>('/v1/operations');
    return operations.followers.open_streams >= streams;
  });
  await sleep(200);
}

/** Resolves when the response to `path` fits: the index may be behind for longer than a request waits. */
async function indexed(server: ServerProcess, path: string, fits: (answer: never) => boolean): Promise<void> {
  await until(60_000, async () => {
    const answer = await server.fetch(path);
    return answer.ok && fits((await answer.json()) as never);
  });
}

export const isLast = (server: ServerProcess, id: string) =>
  indexed(server, '/v1/executions/last', (last: { id: string }) => last.id === id);
export const searchable = (server: ServerProcess, word: string, lines: number) =>
  indexed(
    server,
    `/v1/search?limit=1000&q=${word}`,
    ({ hits }: { hits: unknown[] }) => hits.length === lines,
  );

/** The objects of NDJSON. */
export const objects = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
