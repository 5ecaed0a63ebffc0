import type { Thread } from '../lib/thread.ts';

/** Purges executions on a database's thread, in steps, so that no other call waits long; then gives the disk space back. */
export async function purgeInSteps(
  thread: Thread,
  { output, executions }: { output: readonly string[]; executions: readonly string[] },
): Promise<{ freedBytes: number }> {
  let freedBytes = 0;
  const drop = async (executionId: string, whole: boolean) => {
    for (let more = true; more; ) {
      const step = await thread.call<{ more: boolean; freedBytes: number }>('purge', [executionId, whole]);
      freedBytes += step.freedBytes;
      more = step.more;
    }
  };
  for (const executionId of output) await drop(executionId, false);
  for (const executionId of executions) await drop(executionId, true);
  for (let more = output.length + executions.length > 0; more; ) more = await thread.call<boolean>('vacuum');
  return { freedBytes };
}
