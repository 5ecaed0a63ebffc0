/**
 * Colours of terminal text on the page's own background. A colour that would be hard to read there is moved towards
 * black or white until its contrast is at least that of WCAG AA, so no command can print text that cannot be read.
 */
import { type Color, RGB, type Sgr } from './sgr.ts';

export type Theme = 'light' | 'dark';

type Triple = readonly [number, number, number];

const GROUND: Record<Theme, { fg: number; bg: number; palette: readonly number[] }> = {
  light: {
    fg: 0x1d2327,
    bg: 0xffffff,
    palette: [
      0x24292e, 0xb3261e, 0x1a6d33, 0x7a5200, 0x1a56b8, 0x8b3a9e, 0x0b6b77, 0x57606a, 0x4a5158, 0xc4372d,
      0x1d7a3a, 0x865b00, 0x2565cf, 0x9a44ae, 0x0f7683, 0x3d444b,
    ],
  },
  dark: {
    fg: 0xd7dde3,
    bg: 0x0e1216,
    palette: [
      0x8a949e, 0xff7b72, 0x56d364, 0xe3b341, 0x79b8ff, 0xd2a8ff, 0x56d4dd, 0xc9d1d9, 0x9aa4ae, 0xffa198,
      0x7ee787, 0xf2cc60, 0xa5d6ff, 0xe2c5ff, 0x83e4ec, 0xffffff,
    ],
  },
};

const CONTRAST = 4.6;
/** On the page's own background, which is tinted where a row is selected, a hit or from stderr. */
const GROUND_CONTRAST = 5.8;

function triple(rgb: number): Triple {
  return [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255];
}

function luminance(rgb: number): number {
  const [r, g, b] = triple(rgb).map((v) => {
    const c = v / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The contrast ratio of WCAG, from 1 to 21. */
export function contrast(a: number, b: number): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function mix(a: number, b: number, share: number): number {
  const [x, y] = [triple(a), triple(b)];
  return x.reduce<number>((rgb, v, i) => (rgb << 8) | Math.round(v + ((y[i] ?? 0) - v) * share), 0);
}

/** The colour nearest to `color` that can be read on `background`. */
export function readable(color: number, background: number, least = CONTRAST): number {
  if (contrast(color, background) >= least) return color;
  const goal = luminance(background) > 0.18 ? 0x000000 : 0xffffff;
  for (let share = 0.1; share < 1; share += 0.1) {
    const tried = mix(color, goal, share);
    if (contrast(tried, background) >= least) return tried;
  }
  return goal;
}

function rgbOf(color: Color, theme: Theme): number {
  if (color & RGB) return color & 0xffffff;
  if (color < 16) return GROUND[theme].palette[color] ?? 0;
  if (color >= 232) {
    const level = 8 + (color - 232) * 10;
    return (level << 16) | (level << 8) | level;
  }
  const level = (v: number) => (v === 0 ? 0 : 55 + v * 40);
  const cube = color - 16;
  return (level(Math.floor(cube / 36)) << 16) | (level(Math.floor(cube / 6) % 6) << 8) | level(cube % 6);
}

function css(rgb: number): string {
  return `#${rgb.toString(16).padStart(6, '0')}`;
}

const cache = new Map<string, { color: string; background: string }>();

/** CSS colours of a look; an empty string means the page's own. */
export function colorsOf(sgr: Sgr, theme: Theme): { color: string; background: string } {
  if (sgr.fg === -1 && sgr.bg === -1 && !sgr.inverse && !sgr.dim) return { color: '', background: '' };
  const key = `${theme}${sgr.fg}/${sgr.bg}/${sgr.inverse ? 1 : 0}${sgr.dim ? 1 : 0}`;
  const known = cache.get(key);
  if (known) return known;
  const ground = GROUND[theme];
  let fg = sgr.fg === -1 ? ground.fg : rgbOf(sgr.fg, theme);
  let bg = sgr.bg === -1 ? ground.bg : rgbOf(sgr.bg, theme);
  if (sgr.inverse) [fg, bg] = [bg, fg];
  if (sgr.dim) fg = mix(fg, bg, 0.35);
  const found = {
    color: css(readable(fg, bg, bg === ground.bg ? GROUND_CONTRAST : CONTRAST)),
    background: bg === ground.bg ? '' : css(bg),
  };
  if (cache.size > 5000) cache.clear();
  cache.set(key, found);
  return found;
}
