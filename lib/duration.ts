/** Durations as people write them; one grammar for configuration, API and CLI. */
import parseUnits from 'parse-duration';

const PART = /(\d+(?:\.\d+)?)\s*([a-zµ]+)[\s,]*/iy;
const MAX_LENGTH = 100;

/**
 * Milliseconds of `36h`, `1h30m`, `1 hour`, `250ms`.
 * @param bareUnitMs what a number without a unit counts; without it such a number is no duration.
 * @returns undefined when the text is not a duration. The library skips what it does not know; this does not.
 */
export function parseDuration(text: string, bareUnitMs?: number): number | undefined {
  const value = text.trim();
  if (value === '' || value.length > MAX_LENGTH) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return bareUnitMs === undefined ? undefined : Number(value) * bareUnitMs;
  let totalMs = 0;
  let at = 0;
  while (at < value.length) {
    PART.lastIndex = at;
    const part = PART.exec(value);
    const ms = part ? parseUnits(`${part[1]}${part[2]}`) : null;
    if (ms === null) return undefined;
    totalMs += ms;
    at = PART.lastIndex;
  }
  return Number.isFinite(totalMs) ? totalMs : undefined;
}
