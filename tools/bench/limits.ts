/** What the machine can do without us, measured in the same run: the denominators of the ratios. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';

/** Lines a second of the plainest reader: a pipe, a buffer scan for newlines, a string a line. */
export async function pipeAndSplit(path: string): Promise<number> {
  const started = performance.now();
  const child = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'ignore'] });
  let lines = 0;
  let rest = '';
  for await (const data of child.stdout.setEncoding('utf8')) {
    const parts = (rest + data).split('\n');
    rest = parts.pop() ?? '';
    lines += parts.length;
  }
  return (lines / (performance.now() - started)) * 1000;
}

/** MB/s of a bare Node server that streams the file, read by the client that the benchmark uses. */
export async function bareHttp(path: string): Promise<number> {
  const server = createServer(
    (_, response) => void createReadStream(path, { highWaterMark: 1 << 18 }).pipe(response),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as { port: number };
    const { bytes, totalMs } = await download(`http://127.0.0.1:${port}/`);
    return bytes / 1e6 / (totalMs / 1000);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

export async function download(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ bytes: number; firstByteMs: number; totalMs: number }> {
  const started = performance.now();
  const response = await fetch(url, { headers });
  if (!response.ok || !response.body) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  let bytes = 0;
  let firstByteMs = 0;
  for await (const chunk of response.body) {
    if (bytes === 0) firstByteMs = performance.now() - started;
    bytes += chunk.length;
  }
  return { bytes, firstByteMs, totalMs: performance.now() - started };
}
