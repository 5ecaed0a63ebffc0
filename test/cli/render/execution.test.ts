import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { executionFacts } from '../../../cli/render/execution.ts';
import { executionSample } from '../../support/execution-json.ts';

const test = suite('facts of an execution');

test('show has the note beside the result', () => {
  const totals = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
  const note = 'Background processes were left running';
  const execution = executionSample({
    status: 'succeeded',
    end_timestamp: '2026-11-27T12:00:01.000Z',
    result: { return_code: 0, note, succeeded: true, failed: false, totals },
  });
  const facts = executionFacts(execution, 'http://here', Date.now());
  assert.equal(
    facts.find(([name]) => name === 'note'),
    ['note', note],
  );
});

test('show names the secrets that are not masked', () => {
  const context = { user: 'me', pack: 'core', secrets_not_masked: ['pin', 'code'] };
  const facts = executionFacts(executionSample({ context }), 'http://here', Date.now());
  assert.equal(
    facts.find(([name]) => name === 'not masked'),
    ['not masked', 'pin, code'],
  );
});

test.run();
