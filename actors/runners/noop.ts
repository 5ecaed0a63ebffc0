/** Does nothing and succeeds: to test workflows, and to see whether a worker takes work. */
import type { Runner } from '../../catalogue/runner.ts';

export function noopRunner(): Runner {
  return {
    name: 'noop',
    description: 'Does nothing and succeeds.',
    parameters: {},
    prepare: async () => ({ command: ['true'], unbuffer: false }),
  };
}
