/** The verdict of a command that a shell ran. */
import type { ProcessEnd, Verdict } from '../../catalogue/runner.ts';

export function exitVerdict({ exitCode, signal }: ProcessEnd): Verdict {
  if (exitCode === 0) return { succeeded: true };
  if (signal) return { succeeded: false, error: `Ended by ${signal}` };
  if (exitCode === 127) {
    return { succeeded: false, error: 'Program not found (exit code 127); stderr names it' };
  }
  if (exitCode === 126) {
    return {
      succeeded: false,
      error: 'Program not executable (exit code 126); stderr names it',
    };
  }
  return { succeeded: false };
}
