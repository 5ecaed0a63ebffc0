/**
 * Many SSE followers in a process of their own, on bare sockets so that the client is no bottleneck.
 * Arguments: port, token, execution id, how many, seconds, and a file to make when each has had a line: lags count from
 * then on. Each line of the output begins with the time it was printed,
 * in seconds since the epoch. Prints one JSON object: lag percentiles in ms, and how many lines each follower had.
 */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { percentile } from './report.ts';

const [port, token, id, count, seconds, ready] = process.argv.slice(2);
const lags: number[] = [];
const lines = new Array<number>(Number(count)).fill(0);
let ended = 0;
let begun = 0;

function open(index: number): void {
  const socket = connect(Number(port), '127.0.0.1');
  socket.setEncoding('utf8');
  socket.write(
    `GET /v1/executions/${id}/output HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\naccept: text/event-stream\r\n\r\n`,
  );
  let rest = '';
  socket.on('data', (data: string) => {
    const now = performance.timeOrigin + performance.now();
    const parts = (rest + data).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part.startsWith('event: end')) {
        ended++;
        socket.destroy();
      }
      if (!part.startsWith('data: ') || !part.includes('"text"')) continue;
      for (const text of (JSON.parse(part.slice(6)) as { text: string }).text.split('\n')) {
        if (text === '') continue;
        lines[index] = (lines[index] ?? 0) + 1;
        if (ready && lines[index] === 1) {
          begun++;
          if (begun === Number(count)) writeFileSync(ready, '');
          continue;
        }
        lags.push(now - Number(text.split(' ')[0]) * 1000);
      }
    }
  });
  socket.on('error', () => undefined);
}

for (let index = 0; index < Number(count); index++) open(index);
const deadline = Date.now() + Number(seconds) * 1000;
while (ended < Number(count) && Date.now() < deadline)
  await new Promise((resolve) => setTimeout(resolve, 100));
console.log(
  JSON.stringify({
    ended,
    lines: { least: Math.min(...lines), most: Math.max(...lines) },
    medianMs: percentile(lags, 0.5),
    p99Ms: percentile(lags, 0.99),
  }),
);
process.exit(0);
