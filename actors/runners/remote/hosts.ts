/** Parses names of hosts and users, and checks which hosts are allowed. */
import { isIP } from 'node:net';
import { ServiceError } from '../../../lib/errors.ts';
import { globMatches } from '../../../lib/glob.ts';

export interface RemoteHost {
  /** As the request names the host; labels its output and result. */
  label: string;
  host: string;
  port: number;
}

const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;
const USER = /^[A-Za-z0-9_.][A-Za-z0-9_.@\\-]*\$?$/;
/** A label becomes the name of a file, which holds 255 bytes. */
const MAX_LABEL = 240;

function refuse(name: string, text: string, why: string): never {
  throw new ServiceError('validation-failed', `${name}: ${JSON.stringify(text.slice(0, 80))} ${why}`, {
    errors: [{ path: name, message: why }],
  });
}

/** `name`, `name:port`, an address, `[v6]:port`. @throws ServiceError `validation-failed` */
export function parseHost(text: string, defaultPort: number, name = 'hosts'): RemoteHost {
  const label = text.trim();
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(label);
  const plain = isIP(label) === 6 ? null : /^([^:]*)(?::(\d+))?$/.exec(label);
  const host = bracketed?.[1] ?? plain?.[1] ?? label;
  const given = bracketed?.[2] ?? plain?.[2];
  const port = given === undefined ? defaultPort : Number(given);
  if (label.length > MAX_LABEL) refuse(name, label, `is longer than ${MAX_LABEL} characters`);
  if (label.includes('@')) refuse(name, label, 'contains a user name; send it as the parameter username');
  if (isIP(host) === 0 && (bracketed || !NAME.test(host))) {
    refuse(name, label, 'is not a host: write a name or an address, optionally with :port');
  }
  if (!(port >= 1 && port <= 65_535)) refuse(name, label, 'has a port that is not between 1 and 65535');
  return { label, host, port };
}

/** @param hosts a comma separated list or an array. @throws ServiceError `validation-failed` */
export function parseHosts(hosts: unknown, defaultPort: number): RemoteHost[] {
  const list = Array.isArray(hosts) ? hosts.map(String) : String(hosts ?? '').split(',');
  const found = new Map<string, RemoteHost>();
  for (const text of list) {
    if (text.trim() === '') continue;
    const host = parseHost(text, defaultPort);
    found.set(host.label, host);
  }
  if (found.size === 0) {
    throw new ServiceError('validation-failed', 'hosts: no host given; write for example web1,web2:2222');
  }
  return [...found.values()];
}

/** @throws ServiceError `validation-failed` */
export function checkUser(user: string): string {
  if (user.length > 256 || !USER.test(user)) refuse('username', user, 'is not a user name');
  return user;
}

/**
 * @param allowed patterns, `*` matching any text; an empty list allows every host.
 * @throws ServiceError `forbidden`
 */
export function checkAllowed(hosts: readonly RemoteHost[], allowed: readonly string[]): void {
  if (allowed.length === 0) return;
  const patterns = allowed.map((pattern) => pattern.toLowerCase());
  const refused = hosts.filter(
    ({ host }) => !patterns.some((pattern) => globMatches(pattern, host.toLowerCase())),
  );
  if (refused.length > 0) {
    const names = refused.map(({ label }) => label).join(', ');
    throw new ServiceError('forbidden', `ssh.allowedHosts does not allow ${names}`);
  }
}
