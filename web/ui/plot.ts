/** Small plots as SVG: bars over time, and a line with its area. Drawn as wide as their box, with a label for screen readers. */
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export interface Point {
  at: number;
  value: number;
}

function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.max(120, element.clientWidth)));
    observer.observe(element);
    setWidth(Math.max(120, element.clientWidth));
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

/** A round number at or above `value`: 1, 2 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 5, 10]) if (value <= step * power) return step * power;
  return 10 * power;
}

interface PlotProps {
  label: string;
  points: readonly Point[];
  format: (value: number) => string;
  time: (at: number) => string;
  height?: number;
  kind: 'bars' | 'area';
  /** Width of a bar's bucket; a click on a bar selects it. */
  bucketMs?: number;
  onSelect?: (from: number, to: number) => void;
}

export function Plot({ label, points, format, time, height = 96, kind, bucketMs = 0, onSelect }: PlotProps) {
  const { ref, width } = useWidth();
  const [over, setOver] = useState(-1);
  const top = niceCeiling(Math.max(...points.map((point) => point.value), 0));
  const [left, bottom, head] = [0, 18, 16];
  const innerHeight = height - bottom - head;
  const innerWidth = width - left - 2;
  const n = Math.max(1, points.length);
  const y = (value: number) => head + innerHeight - (value / top) * innerHeight;
  const step = innerWidth / (kind === 'bars' ? n : Math.max(1, n - 1));
  const x = (i: number) => left + i * step;
  const indexAt = (event: MouseEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const i = Math.floor((event.clientX - box.left - left) / step + (kind === 'area' ? 0.5 : 0));
    return Math.max(-1, Math.min(n - 1, i));
  };
  const current = points[over];
  const first = points[0];
  const last = points[points.length - 1];
  const line = points
    .map((point, i) => `${i ? 'L' : 'M'}${x(i).toFixed(1)} ${y(point.value).toFixed(1)}`)
    .join('');

  return h(
    'div',
    { class: 'plot', ref },
    h(
      'svg',
      {
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-label': `${label}: highest ${format(Math.max(...points.map((point) => point.value), 0))}${
          last ? `, last ${format(last.value)}` : ''
        }`,
        onPointerMove: (event: PointerEvent) => setOver(indexAt(event)),
        onPointerLeave: () => setOver(-1),
        onClick: (event: MouseEvent) => {
          // a tap has no pointer move before it
          const chosen = points[indexAt(event)];
          if (chosen && onSelect) onSelect(chosen.at, chosen.at + bucketMs);
        },
        class: onSelect ? 'selectable' : '',
      },
      h('line', { class: 'grid', x1: left, x2: width, y1: y(top), y2: y(top) }),
      h('line', { class: 'grid base', x1: left, x2: width, y1: y(0), y2: y(0) }),
      kind === 'area' && points.length
        ? [
            h('path', { class: 'area', d: `${line}L${x(n - 1).toFixed(1)} ${y(0)}L${x(0)} ${y(0)}Z` }),
            h('path', { class: 'line', d: line }),
          ]
        : points.map((point, i) =>
            point.value > 0
              ? h('rect', {
                  key: point.at,
                  class: `bar${i === over ? ' over' : ''}`,
                  x: x(i) + (step > 4 ? 0.5 : 0),
                  width: Math.max(1, step - (step > 4 ? 1 : 0)),
                  y: Math.min(y(point.value), y(0) - 1.5),
                  height: Math.max(1.5, y(0) - y(point.value)),
                })
              : null,
          ),
      current && kind === 'area'
        ? h('circle', { class: 'dot', cx: x(over), cy: y(current.value), r: 3 })
        : null,
      h(
        'text',
        { class: 'axis', x: left, y: 11 },
        current ? `${format(current.value)} at ${time(current.at)}` : format(top),
      ),
      first ? h('text', { class: 'axis', x: left, y: height - 4 }, time(first.at)) : null,
      last ? h('text', { class: 'axis end', x: width - 2, y: height - 4 }, time(last.at + bucketMs)) : null,
    ),
  );
}
