import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { statusLine } from '../../../cli/render/status-line.ts';

const test = suite('status line');

test('the status line says how it ended', () => {
  const table: [Parameters<typeof statusLine>[0], string][] = [
    [{ status: 'failed', exit_code: 3, elapsedMs: 72_000, lines: 4_210 }, 'exit 3 · 1m12s · 4,210 lines'],
    [{ status: 'succeeded', exit_code: 0, elapsedMs: 300, lines: 1 }, 'exit 0 · 0.3s · 1 line'],
    [{ status: 'failed', exit_code: null, signal: 'SIGKILL', elapsedMs: 10 }, 'SIGKILL · 0.0s'],
    [{ status: 'timeout', elapsedMs: 2_000, lines: 0 }, 'timeout · 2.0s · 0 lines'],
    [{ status: 'failed', error: 'no such\x1b[2J folder' }, 'failed · no such folder'],
    [{ status: 'succeeded', exit_code: 0, note: 'some\x1b[2Jthing' }, 'exit 0 · something'],
  ];
  for (const [end, text] of table) assert.is(statusLine(end), text);
});

test.run();
