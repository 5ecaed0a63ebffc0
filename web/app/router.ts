/** The address as a cell. A click on a link with `data-route`, without modifier keys, changes it without loading the page. */
import { cell } from './state.ts';

interface Location {
  path: string;
  search: URLSearchParams;
  hash: string;
}

function read(): Location {
  return {
    path: location.pathname,
    search: new URLSearchParams(location.search),
    hash: location.hash,
  };
}

export const here = cell<Location>(read());

export function navigate(to: string, replace = false) {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  here.set(read());
  if (!to.includes('#')) window.scrollTo(0, 0);
}

/** Changes the address without telling the views, which have changed already. */
export function record(to: string) {
  history.replaceState(null, '', to);
}

window.addEventListener('popstate', () => here.set(read()));

document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const anchor = (event.target as Element | null)?.closest?.('a[data-route]') as HTMLAnchorElement | null;
  if (!anchor) return;
  event.preventDefault();
  navigate(anchor.pathname + anchor.search + anchor.hash);
});
