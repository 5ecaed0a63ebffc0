/** Addresses of servers: what is one, and which may be spoken to without TLS. */
import { isIPv4 } from 'node:net';
import { CliError } from './cli-error.ts';

/** @param text a URL, or one without `http://`. @throws CliError when it is no address of a server. */
export function parseAddress(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new CliError(`"${text}" is not an address`, {
      hint: 'Write for example LINEFEED_URL=http://127.0.0.1:9101',
    });
  }
  if (url.username || url.password) {
    throw new CliError(`the address of ${url.host} holds a user name or a password`, {
      hint: 'Linefeed takes a token instead: LINEFEED_TOKEN, or --token.',
    });
  }
  return url;
}

/**
 * Whether a URL leads to this machine, whatever a name server says; many resolvers ask one for names below `localhost`.
 * The URL parser has brought addresses into their one form: 127.1 and 0x7f000001 are 127.0.0.1 here.
 */
export function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
  );
}

/** @throws CliError when everyone on the way to the address could read the token. */
export function refusePlainHttp(url: URL, source: string): void {
  if (url.protocol === 'https:' || isLoopback(url)) return;
  throw new CliError(
    `${url.origin} (${source}) is not this machine, and plain HTTP would show the token to the network`,
    {
      hint:
        `Use https://. Or bring the server here with SSH and use LINEFEED_URL=http://127.0.0.1:9101:\n` +
        `  ssh -N -L 9101:127.0.0.1:9101 ${url.hostname}`,
    },
  );
}
