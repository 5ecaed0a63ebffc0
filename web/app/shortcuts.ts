/** Keyboard shortcuts. Each view registers its own while it is shown; the help dialog lists them. */
import { useLayoutEffect, useRef } from 'preact/hooks';

interface Shortcut {
  /** Values of `KeyboardEvent.key`; each one runs the shortcut. */
  keys: readonly string[];
  label: string;
  run(event: KeyboardEvent): void;
  /** Also while a text field has the focus. */
  inFields?: boolean;
}

interface ShortcutGroup {
  title: string;
  shortcuts: readonly Shortcut[];
}

const groups = new Set<{ current: ShortcutGroup }>();

export function listShortcuts(): ShortcutGroup[] {
  return [...groups].map((group) => group.current);
}

export function useShortcuts(title: string, shortcuts: readonly Shortcut[]) {
  const ref = useRef<ShortcutGroup>({ title, shortcuts });
  ref.current = { title, shortcuts };
  // before the view is painted, so that a key pressed at once is not lost
  useLayoutEffect(() => {
    groups.add(ref);
    return () => {
      groups.delete(ref);
    };
  }, []);
}

function inField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement)
    return !['checkbox', 'radio', 'button', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = inField(event.target);
  const dialog = document.querySelector('dialog[open]');
  for (const group of [...groups].reverse()) {
    for (const shortcut of group.current.shortcuts) {
      if (!shortcut.keys.includes(event.key)) continue;
      if (field && !shortcut.inFields) continue;
      if (dialog && !shortcut.inFields) continue;
      event.preventDefault();
      shortcut.run(event);
      return;
    }
  }
});
