/** The frame around every view: navigation, connection badge, theme, help, notices. */
import { type ComponentChildren, h } from 'preact';
import { useState } from 'preact/hooks';
import { here, navigate } from '../app/router.ts';
import { listShortcuts, useShortcuts } from '../app/shortcuts.ts';
import { connection, notice, themeChoice, useCell, useNow } from '../app/state.ts';
import { Button } from './button.ts';
import { Dialog } from './dialog.ts';
import type { IconName } from './icons.ts';

const PLACES = [
  { path: '/', label: 'Executions', key: '1' },
  { path: '/search', label: 'Search', key: '2' },
  { path: '/operations', label: 'Operations', key: '3' },
] as const;

function ConnectionBadge() {
  const state = useCell(connection);
  const now = useNow(state?.kind === 'waiting' ? 500 : 0);
  if (!state) return null;
  let text = '';
  if (state.kind === 'live') text = 'Live';
  if (state.kind === 'connecting') text = 'Connecting';
  if (state.kind === 'ended') text = 'Complete';
  if (state.kind === 'paused') text = 'Paused';
  if (state.kind === 'refused') text = state.status === 401 ? 'Signed out' : 'Refused';
  if (state.kind === 'waiting') {
    const seconds = Math.max(0, Math.ceil((state.retryAt - Math.max(now, Date.now())) / 1000));
    text = state.retryAt ? `Reconnecting${seconds ? ` in ${seconds} s` : ''}` : 'Waiting';
  }
  const reason = state.kind === 'waiting' ? state.reason : '';
  return h(
    'span',
    { class: `connection c-${state.kind}`, role: 'status', title: reason || undefined },
    h('span', { class: 'dot', 'aria-hidden': 'true' }),
    h('span', { class: 'connection-text' }, text),
    reason ? h('span', { class: 'visually-hidden' }, `: ${reason}`) : null,
  );
}

function ThemeButton() {
  const choice = useCell(themeChoice);
  const next = { system: 'light', light: 'dark', dark: 'system' } as const;
  const icons: Record<typeof choice, IconName> = { system: 'auto', light: 'sun', dark: 'moon' };
  return h(Button, {
    label: `Theme: ${choice}`,
    icon: icons[choice],
    iconOnly: true,
    onClick: () => themeChoice.set(next[choice]),
  });
}

function Help({ onClose }: { onClose: () => void }) {
  const name = (key: string) => ({ ' ': 'Space', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc' })[key] ?? key;
  return h(
    Dialog,
    { title: 'Keyboard', onClose },
    h(
      'div',
      { class: 'help' },
      listShortcuts().map((group) =>
        h(
          'section',
          { key: group.title },
          h('h3', null, group.title),
          h(
            'dl',
            null,
            group.shortcuts.map((shortcut) =>
              h(
                'div',
                { key: shortcut.label },
                h(
                  'dt',
                  null,
                  shortcut.keys.map((key) => h('kbd', { key }, name(key))),
                ),
                h('dd', null, shortcut.label),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

function Notice() {
  const current = useCell(notice);
  return h(
    'div',
    { class: 'notice-area', role: 'status', 'aria-live': 'polite' },
    current ? h('div', { class: `notice ${current.tone}` }, current.text) : null,
  );
}

export function Shell({ children }: { children?: ComponentChildren }) {
  const location = useCell(here);
  const [help, setHelp] = useState(false);
  useShortcuts('Everywhere', [
    { keys: ['?'], label: 'Show this help', run: () => setHelp(true) },
    ...PLACES.map(({ path, label, key }) => ({
      keys: [key],
      label: `Go to ${label}`,
      run: () => navigate(path),
    })),
    {
      keys: ['T'],
      label: 'Change the theme',
      run: () => {
        const order = ['system', 'light', 'dark'] as const;
        themeChoice.set(order[(order.indexOf(themeChoice.get()) + 1) % 3] ?? 'system');
      },
    },
  ]);
  const active = (path: string) =>
    path === '/' ? location.path === '/' || location.path.startsWith('/executions') : location.path === path;
  return h(
    'div',
    { class: 'shell' },
    h('a', { class: 'skip', href: '#main' }, 'Skip to content'),
    h(
      'header',
      { class: 'top' },
      h(
        'a',
        { class: 'brand', href: '/', 'data-route': true, 'aria-label': 'Linefeed, executions' },
        h(
          'svg',
          { viewBox: '0 0 32 32', 'aria-hidden': 'true', class: 'logo' },
          h('rect', { width: 32, height: 32, rx: 7 }),
          h('path', { d: 'M23 8v7.500a3 3 0 0 1-3 3H10m4.500-5L9.500 18.500l5 5' }),
        ),
        h('span', { class: 'brand-name' }, 'Linefeed'),
      ),
      h(
        'nav',
        { 'aria-label': 'Main' },
        PLACES.map(({ path, label }) =>
          h(
            'a',
            { key: path, href: path, 'data-route': true, 'aria-current': active(path) ? 'page' : undefined },
            label,
          ),
        ),
      ),
      h(
        'div',
        { class: 'top-end' },
        h(ConnectionBadge, null),
        h(ThemeButton, null),
        h(Button, { label: 'Keyboard help', icon: 'help', iconOnly: true, onClick: () => setHelp(true) }),
      ),
    ),
    h('main', { id: 'main', tabIndex: -1 }, children),
    h(Notice, null),
    help ? h(Help, { onClose: () => setHelp(false) }) : null,
  );
}
