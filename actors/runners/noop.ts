/** The runner of actions that do nothing: for tests of workflows, and to see that a worker takes work. */
import type { Runner } from '../../catalogue/runner.ts';

export function noopRunner(): Runner {
  return {
    name: 'noop',
    description: 'A runner that does nothing and succeeds.',
    parameters: {},
    prepare: async () => ({ command: ['true'], unbuffer: false }),
  };
}
