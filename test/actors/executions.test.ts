import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutions } from '../../actors/executions.ts';

const test = suite('Executions');

type Options = Parameters<typeof createExecutions>[0];

/** Executions whose action takes these parameters, of which all are secret. */
function executionsWith(parameters: Record<string, unknown>) {
  const resolved = { action: { ref: 'a.b' }, parameters, secretNames: Object.keys(parameters) };
  return createExecutions({
    catalogue: { resolve: async () => resolved },
    runners: [],
    log: { append: async () => undefined },
    seal: { seal: () => 'sealed' },
    dispatch: { load: () => ({ running: 0, queued: 0, limit: 1 }) },
    queueLimit: 1,
  } as unknown as Options);
}

const request = (parameters: Record<string, unknown>, context?: Record<string, unknown>) =>
  executionsWith(parameters).request({
    action: 'a.b',
    parameters: {},
    user: 'me',
    ...(context ? { context } : {}),
  });

test('a request names the secrets that are too short to mask', async () => {
  const parameters = {
    short: 'abc',
    blanks: ' ab ',
    number: 123,
    list: ['long enough', 'no'],
    long: 'abcd',
    empty: '',
  };
  const { context } = await request(parameters, { trace: 1 });
  assert.equal(context, { trace: 1, secrets_not_masked: ['short', 'blanks', 'number', 'list'] });
});

test('a request whose secrets are all masked says nothing about them', async () => {
  assert.is((await request({ token: 'abcd' })).context, undefined);
});

test.run();
