/** Server addresses: how to parse them, and which ones plain HTTP is allowed for. */
import { isIPv4 } from 'node:net';
import { CliError } from './cli-error.ts';

/** @param text a URL, or one without `http://`. @throws CliError when it is not the address of a server. */
export function parseAddress(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new CliError(`"${text}" is not an address`, {
      hint: 'Example: LINEFEED_URL=http://127.0.0.1:9101',
    });
  }
  if (url.username || url.password) {
    throw new CliError(`the address of ${url.host} contains a user name or a password`, {
      hint: 'Linefeed uses a token instead: LINEFEED_TOKEN or --token.',
    });
  }
  return url;
}

/**
 * Whether a URL points to this machine regardless of DNS. Names below `localhost` do not count: many resolvers look them
 * up. The URL parser has normalized the address: 127.1 and 0x7f000001 are 127.0.0.1 here.
 */
export function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
  );
}

/** @throws CliError when the token would travel over the network in plain text. */
export function refusePlainHttp(url: URL, source: string): void {
  if (url.protocol === 'https:' || isLoopback(url)) return;
  throw new CliError(`${url.origin} (${source}) is another machine, and plain HTTP would expose the token`, {
    hint:
      `Use https://, or an SSH tunnel with LINEFEED_URL=http://127.0.0.1:9101:\n` +
      `  ssh -N -L 9101:127.0.0.1:9101 ${url.hostname}`,
  });
}
