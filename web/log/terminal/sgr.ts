/** How terminal text looks: colours, attributes and links. Pure. */

/** -1 is the default colour, 0 to 255 the palette, `RGB | 0xRRGGBB` a true colour. */
export type Color = number;
export const RGB = 0x1000000;

/** How text looks. Immutable, so equal neighbours are usually the same object. */
export interface Sgr {
  readonly fg: Color;
  readonly bg: Color;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
  readonly strike: boolean;
  /** Only http, https and mailto; empty when there is no link. */
  readonly href: string;
  /** Set on a visible symbol that replaces a control character. */
  readonly control: boolean;
}

export const PLAIN: Sgr = {
  fg: -1,
  bg: -1,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
  href: '',
  control: false,
};

export interface Segment {
  text: string;
  sgr: Sgr;
}

/** Attributes by the code that sets or resets them. */
const ATTRIBUTES: Readonly<Record<number, Partial<Sgr>>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  7: { inverse: true },
  9: { strike: true },
  21: { underline: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { strike: false },
  39: { fg: -1 },
  49: { bg: -1 },
};

/** The colour that a simple code sets. */
function simpleColor(n: number): Partial<Sgr> | undefined {
  if (n >= 30 && n <= 37) return { fg: n - 30 };
  if (n >= 40 && n <= 47) return { bg: n - 40 };
  if (n >= 90 && n <= 97) return { fg: n - 82 };
  if (n >= 100 && n <= 107) return { bg: n - 92 };
  return undefined;
}

function extendedColor(parts: readonly string[]): { color: Color | undefined; used: number } {
  const n = (index: number) => Math.min(255, Number(parts[index] || 0));
  if (parts[0] === '5') return { color: parts[1] === undefined ? undefined : n(1), used: 2 };
  if (parts[0] === '2') return { color: RGB | (n(1) << 16) | (n(2) << 8) | n(3), used: 4 };
  return { color: undefined, used: 1 };
}

/** Applies the parameters of one SGR sequence (`CSI … m`). */
export function applySgr(sgr: Sgr, parameters: string): Sgr {
  const next = { ...sgr };
  const list = parameters.split(';');
  for (let i = 0; i < list.length; i += 1) {
    const [code = '', ...sub] = (list[i] ?? '').split(':');
    const n = Number(code || 0);
    if (n === 38 || n === 48 || n === 58) {
      let color: Color | undefined;
      if (sub.length) {
        // `38:2::r:g:b` names a colour space that `38:2:r:g:b` leaves out
        const parts = sub[0] === '2' && sub.length > 4 ? ['2', ...sub.slice(2)] : sub;
        color = extendedColor(parts).color;
      } else {
        const found = extendedColor(list.slice(i + 1));
        color = found.color;
        i += found.used;
      }
      if (color !== undefined && n === 38) next.fg = color;
      if (color !== undefined && n === 48) next.bg = color;
    } else if (n === 0) Object.assign(next, PLAIN, { href: sgr.href });
    else if (n === 4) next.underline = sub[0] !== '0';
    else Object.assign(next, ATTRIBUTES[n] ?? simpleColor(n));
  }
  return next;
}

/** The text that `segments` show. */
export function visibleText(segments: readonly Segment[]): string {
  return segments.map((segment) => segment.text).join('');
}
