/** Line ranges in addresses: `#L120` and `#L120-L140`. Pure. */

export interface LineRange {
  from: number;
  to: number;
}

export function parseRange(hash: string): LineRange | undefined {
  const match = /^#?L(\d{1,12})(?:-L?(\d{1,12}))?$/.exec(hash);
  if (!match) return undefined;
  const a = Number(match[1]);
  const b = match[2] === undefined ? a : Number(match[2]);
  const [from, to] = a <= b ? [a, b] : [b, a];
  return from >= 1 ? { from, to } : undefined;
}

export function formatRange({ from, to }: LineRange): string {
  return from === to ? `#L${from}` : `#L${from}-L${to}`;
}
