/** Whether an engine answers, within a time that a probe or a scrape can wait for. */
import { ServiceError } from '../../lib/errors.ts';

const PING_MS = 3000;

/** What is wrong is in the server's log; a caller without a token learns only that something is. */
export async function engineCheck(ping: Promise<void>): Promise<{ ok: boolean; error?: string }> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      ping,
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('late')), PING_MS);
      }),
    ]);
    return { ok: true };
  } catch (error) {
    return { ok: false, error: error instanceof ServiceError ? error.message : 'does not answer' };
  } finally {
    clearTimeout(timer);
  }
}
