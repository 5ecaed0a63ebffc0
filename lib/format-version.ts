/**
 * Stored data carries the version of its format. Each owner migrates older data, or rebuilds it; newer data is refused,
 * because this version would misread it.
 */
import { type ErrorCode, ServiceError } from './errors.ts';

/**
 * @param what names the data in the message, for example `The data folder /var/lib/linefeed`.
 * @param supported the newest version that this program reads.
 * @throws ServiceError `code` when `found` is newer.
 */
export function refuseNewerFormat(what: string, found: number, supported: number, code: ErrorCode): void {
  if (found <= supported) return;
  throw new ServiceError(
    code,
    `${what} was written by a newer version of Linefeed (format ${found}; this version reads formats up to ${supported}). Start the newer version, or give this one other storage.`,
  );
}
