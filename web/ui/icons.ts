/** Icons as SVG paths on a grid of 16. */
import { h, type VNode } from 'preact';

const PATHS = {
  play: 'M5 3.500v9l7-4.500z',
  pause: 'M5 3.500v9M11 3.500v9',
  stop: 'M4.500 4.500h7v7h-7z',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.700 10.700 14 14',
  up: 'M8 12.500v-9M4 7.500l4-4 4 4',
  down: 'M8 3.500v9M4 8.500l4 4 4-4',
  plus: 'M8 3v10M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  download: 'M8 2.500v7.500M4.500 7 8 10.500 11.500 7M3 13.500h10',
  wrap: 'M2.500 4h11M2.500 8h8.500a2 2 0 0 1 0 4.500H8.500M10 10.500l-2 2 2 2M2.500 12.500h3',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.500V8l2.500 1.500',
  again: 'M13 8a5 5 0 1 1-1.500-3.500M13 2v3h-3',
  link: 'M6.500 9.500a3 3 0 0 0 4.200 0l2-2a3 3 0 0 0-4.200-4.200l-.7.7M9.500 6.500a3 3 0 0 0-4.200 0l-2 2a3 3 0 0 0 4.200 4.200l.7-.7',
  copy: 'M5.500 5.500V3h7.500v7.500h-2.500M3 5.500h7.500V13H3z',
  alert:
    'M8 5v4M8 11.500v.01M7 2.500 1.500 12.500a1.100 1.100 0 0 0 1 1.500h11a1.100 1.100 0 0 0 1-1.500L9 2.500a1.100 1.100 0 0 0-2 0z',
  fold: 'M3 8h10M8 1.500v4M6 3.500l2 2 2-2M8 14.500v-4M6 12.500l2-2 2 2',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  moon: 'M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z',
  auto: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 5l4.500-.01M8 8h6M8 11h4.500',
  help: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.300 6.300a1.800 1.800 0 1 1 2.500 1.700c-.6.3-.8.6-.8 1.200M8 11.300v.01',
  history: 'M3 8a5 5 0 1 1 1.500 3.500M3 14v-3h3M8 5.500V8l2 1.200',
} as const;
export type IconName = keyof typeof PATHS;

export function icon(name: IconName): VNode {
  return h(
    'svg',
    { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
    h('path', { d: PATHS[name] }),
  );
}
