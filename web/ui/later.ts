/** Components whose module is loaded when they are first shown, so that each view begins with only what it needs. */
import { type ComponentChild, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { tell } from '../state.ts';

type View<P> = (props: P) => ComponentChild;

/** A component that stands for the one that `load` brings. */
export function later<P extends object>(load: () => Promise<View<P>>): View<P> {
  let known: View<P> | undefined;
  return function Later(props: P) {
    const [, loaded] = useState(false);
    useEffect(() => {
      if (known) return;
      load().then(
        (view) => {
          known = view;
          loaded(true);
        },
        () => tell('A part of the page could not be loaded. Reload it.', 'error'),
      );
    }, []);
    return known ? h(known as never, props as never) : null;
  };
}
