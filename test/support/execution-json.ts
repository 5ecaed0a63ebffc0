/** A running execution as the API sends it. */
import type { ExecutionJson } from '../../wire/execution.ts';

export function executionSample(more: Partial<ExecutionJson> = {}): ExecutionJson {
  const id = more.id ?? '01934f00-0000-7000-8000-000000000001';
  const parameters = more.parameters ?? { cmd: 'echo hello' };
  const at = '2026-11-27T12:00:00.000Z';
  const none = { bytes: 0, lines: 0 };
  return {
    id,
    status: 'running',
    action: { ref: 'core.local', pack: 'core', name: 'local', runner_type: 'local-shell-cmd' },
    runner: { name: 'local-shell-cmd' },
    liveaction: { id, action: 'core.local', parameters },
    parameters,
    context: { user: 'ada', pack: 'core' },
    labels: {},
    log: [{ timestamp: at, status: 'requested' }],
    start_timestamp: at,
    output: { stdout: none, stderr: none },
    last_seq: 0,
    last_position: 0,
    ...more,
  };
}
