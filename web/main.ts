/** Starts the page: the frame, and the view that the address asks for. */
import { h, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { onSignedOut } from './api.ts';
import { here } from './router.ts';
import { connection, useCell } from './state.ts';
import { later } from './ui/later.ts';
import { EmptyState } from './ui/parts.ts';
import { Shell } from './ui/shell.ts';

const ExecutionPage = later<{ id: string }>(async () => (await import('./pages/execution.ts')).ExecutionPage);
const ExecutionsPage = later(async () => (await import('./pages/executions.ts')).ExecutionsPage);
const SearchPage = later(async () => (await import('./pages/search.ts')).SearchPage);
const OperationsPage = later(async () => (await import('./pages/operations.ts')).OperationsPage);
const SignIn = later(async () => (await import('./pages/sign-in.ts')).SignIn);

function View() {
  const { path } = useCell(here);
  const execution = /^\/executions\/([\w-]+)$/.exec(path);
  if (execution?.[1]) return h(ExecutionPage, { key: execution[1], id: execution[1] });
  if (path === '/' || path === '/executions') return h(ExecutionsPage, null);
  if (path === '/search') return h(SearchPage, null);
  if (path === '/operations') return h(OperationsPage, null);
  return h(
    EmptyState,
    { title: 'There is no such page' },
    h('p', null, h('a', { href: '/', 'data-route': true }, 'See all executions')),
  );
}

function App() {
  const [signedOut, setSignedOut] = useState(false);
  useEffect(() => onSignedOut(() => setSignedOut(true)), []);
  useEffect(() => {
    if (signedOut) connection.set(undefined);
  }, [signedOut]);
  return h(Shell, null, signedOut ? h(SignIn, null) : h(View, null));
}

const root = document.getElementById('app');
if (root) render(h(App, null), root);

// the other views come when nothing else is to do, so that going to one waits for nothing
setTimeout(() => {
  if (connection.get()?.kind === 'waiting') return;
  const views = [
    import('./pages/execution.ts'),
    import('./pages/executions.ts'),
    import('./pages/search.ts'),
    import('./pages/operations.ts'),
    import('./pages/start.ts'),
    import('./pages/replay.ts'),
  ];
  // one that does not come now is asked for again when it is needed
  void Promise.allSettled(views);
}, 2500);
