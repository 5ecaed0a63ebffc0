/** What exit codes of shells mean, in words. */
import type { ProcessEnd, Verdict } from '../../catalogue/runner.ts';

export function exitVerdict({ exitCode, signal }: ProcessEnd): Verdict {
  if (exitCode === 0) return { succeeded: true };
  if (signal) return { succeeded: false, error: `Ended by ${signal}` };
  if (exitCode === 127) {
    return { succeeded: false, error: 'A program was not found (exit code 127); see stderr for its name' };
  }
  if (exitCode === 126) {
    return {
      succeeded: false,
      error: 'A program is not executable (exit code 126); see stderr for its name',
    };
  }
  return { succeeded: false };
}
