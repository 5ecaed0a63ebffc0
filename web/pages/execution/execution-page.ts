/** The view of one execution: its head, the tools, the log and what covers it. */
import { h } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { here } from '../../app/router.ts';
import { connection } from '../../app/state.ts';
import { parseRange } from '../../log/model/permalink.ts';
import { createLogSession, type LogSession } from '../../log/session.ts';
import { ExecutionHead } from './execution-head.ts';
import { LogOverlay } from './log-overlay.ts';
import { LogTools } from './log-tools.ts';

export function ExecutionPage({ id }: { id: string }) {
  const viewport = useRef<HTMLDivElement>(null);
  const minimap = useRef<HTMLCanvasElement>(null);
  const [session, setSession] = useState<LogSession>();
  const [missing, setMissing] = useState(false);
  // before the first paint, which then shows the lines that have arrived
  useLayoutEffect(() => {
    if (!viewport.current || !minimap.current) return undefined;
    const made = createLogSession(id, { viewport: viewport.current, minimap: minimap.current });
    const range = parseRange(here.get().hash);
    made.start(range?.from);
    if (range) made.select(range);
    setSession(made);
    const unwatch = made.state.watch((state) => {
      const gone = state.error !== '' && state.execution === undefined && state.lines === 0;
      setMissing(gone);
      connection.set(gone ? undefined : state.connection);
    });
    const unhash = here.watch((location) => {
      const next = parseRange(location.hash);
      if (!next || location.path !== `/executions/${id}`) return;
      made.select(next);
      made.reveal(next.from);
    });
    return () => {
      unwatch();
      unhash();
      made.destroy();
      connection.set(undefined);
    };
  }, [id]);

  return h(
    'div',
    { class: `page execution-page${missing ? ' missing' : ''}` },
    session ? h(ExecutionHead, { session }) : h('div', { class: 'execution-head' }),
    session ? h(LogTools, { session }) : h('div', { class: 'tools' }),
    h(
      'div',
      { class: 'log' },
      h('div', { ref: viewport, class: 'viewport', tabIndex: 0, role: 'region', 'aria-label': 'Output' }),
      h('canvas', { ref: minimap, class: 'minimap', 'aria-hidden': 'true' }),
      session ? h(LogOverlay, { session }) : null,
    ),
  );
}
