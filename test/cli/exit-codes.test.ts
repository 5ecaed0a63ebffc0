import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exitCodeOf } from '../../cli/exit-codes.ts';

const test = suite('exit codes');

test('exit codes are the ones of the command, or say what happened to it', () => {
  const table: [Parameters<typeof exitCodeOf>[0], number][] = [
    [{ status: 'succeeded', exit_code: 0 }, 0],
    [{ status: 'failed', exit_code: 3 }, 3],
    [{ status: 'failed', exit_code: null, signal: 'SIGKILL' }, 137],
    [{ status: 'failed', exit_code: null, error: 'cannot start' }, 125],
    [{ status: 'failed', exit_code: 0, error: 'its runner found fault' }, 1],
    [{ status: 'timeout', exit_code: null, signal: 'SIGTERM' }, 124],
    [{ status: 'canceled', signal: 'SIGTERM' }, 130],
    [{ status: 'abandoned' }, 125],
  ];
  for (const [end, code] of table) assert.is(exitCodeOf(end), code);
});

test.run();
