/** The form for the token, shown when there is no session. */
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Button } from '../../ui/button.ts';

export function SignIn() {
  const [token, setToken] = useState('');
  const [wrong, setWrong] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Linefeed';
  }, []);

  async function enter(event: Event) {
    event.preventDefault();
    setBusy(true);
    setWrong(false);
    try {
      const response = await fetch('/v1/executions?limit=1', {
        headers: { authorization: `Bearer ${token.trim()}`, accept: 'application/json' },
      });
      if (!response.ok) {
        setWrong(true);
        return;
      }
      await fetch(`/?token=${encodeURIComponent(token.trim())}`, { cache: 'no-store' });
      location.reload();
    } catch {
      setWrong(true);
    } finally {
      setBusy(false);
    }
  }

  return h(
    'div',
    { class: 'sign-in' },
    h(
      'form',
      { class: 'card', onSubmit: enter },
      h('h1', null, 'Sign in'),
      h(
        'p',
        null,
        'This server runs commands, so it requires a token. The token is in the file ',
        h('code', null, 'token'),
        ' in the data folder of the server, usually ',
        h('code', null, '~/.linefeed/token'),
        '. When the server starts, it prints a link that signs you in.',
      ),
      h('label', { for: 'token' }, 'Token'),
      h('input', {
        id: 'token',
        type: 'password',
        autocomplete: 'current-password',
        required: true,
        spellcheck: false,
        value: token,
        'aria-invalid': wrong ? 'true' : undefined,
        'aria-describedby': wrong ? 'token-error' : undefined,
        onInput: (event: Event) => setToken((event.target as HTMLInputElement).value),
      }),
      wrong
        ? h('p', { id: 'token-error', class: 'field-error', role: 'alert' }, 'The token is not valid.')
        : null,
      h(
        'p',
        { class: 'sign-in-actions' },
        h(Button, {
          label: busy ? 'Signing in' : 'Sign in',
          tone: 'primary',
          type: 'submit',
          disabled: busy,
        }),
      ),
      h('p', { class: 'quiet' }, 'Print it with ', h('code', null, 'cat ~/.linefeed/token'), '.'),
    ),
  );
}
