/** Starts the page: the frame, and the view for the address. */
import { h, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { here } from './app/router.ts';
import { connection, useCell } from './app/state.ts';
import { onSignedOut } from './client/requests.ts';
import { ExecutionPage } from './pages/execution/execution-page.ts';
import { ExecutionsPage } from './pages/executions/executions-page.ts';
import { OperationsPage } from './pages/operations/operations-page.ts';
import { SearchPage } from './pages/search/search-page.ts';
import { SignIn } from './pages/sign-in/sign-in.ts';
import { EmptyState } from './ui/empty-state.ts';
import { Shell } from './ui/shell.ts';

function View() {
  const { path } = useCell(here);
  const execution = /^\/executions\/([\w-]+)$/.exec(path);
  if (execution?.[1]) return h(ExecutionPage, { key: execution[1], id: execution[1] });
  if (path === '/' || path === '/executions') return h(ExecutionsPage, null);
  if (path === '/search') return h(SearchPage, null);
  if (path === '/operations') return h(OperationsPage, null);
  return h(
    EmptyState,
    { title: 'Page not found' },
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
