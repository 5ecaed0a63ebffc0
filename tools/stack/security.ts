/** TLS and credentials for servers of the stack: a CA, a certificate of 127.0.0.1 and one user, made for one run. */
import { execFile } from 'node:child_process';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface StackSecurity {
  /** Paths of PEM files. */
  ca: string;
  cert: string;
  key: string;
  user: string;
  password: string;
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const HASH_ROUNDS = 10_000;
const HASH_BYTES = 32;

/** @throws Error when there is no openssl. */
export async function makeSecurity(folder: string): Promise<StackSecurity> {
  await mkdir(folder, { recursive: true });
  const path = (name: string) => join(folder, name);
  const openssl = (args: string[]) => run('openssl', args, { cwd: folder });
  await openssl([
    ...['req', '-x509', ...CURVE, '-days', '2', '-subj', '/CN=Linefeed stack CA'],
    ...['-keyout', 'ca.key', '-out', 'ca.pem'],
  ]);
  await openssl(['req', ...CURVE, '-subj', '/CN=127.0.0.1', '-keyout', 'server.key', '-out', 'server.csr']);
  await writeFile(path('san'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  await openssl([
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-days', '2', '-extfile', 'san', '-out', 'server.pem'],
  ]);
  return {
    ca: path('ca.pem'),
    cert: path('server.pem'),
    key: path('server.key'),
    user: 'linefeed',
    password: randomBytes(12).toString('hex'),
  };
}

/** Lines of server.properties for a listener `SECURE` with TLS that takes PLAIN and SCRAM. */
export async function kafkaSecurity(security: StackSecurity, folder: string): Promise<string[]> {
  const { cert, key, user, password } = security;
  const store = join(folder, 'server-store.pem');
  await writeFile(store, (await readFile(key, 'utf8')) + (await readFile(cert, 'utf8')));
  const module = 'org.apache.kafka.common.security';
  const jaas = (mechanism: string, text: string) =>
    `listener.name.secure.${mechanism}.sasl.jaas.config=${module}.${text} required`;
  return [
    'listener.name.secure.ssl.keystore.type=PEM',
    `listener.name.secure.ssl.keystore.location=${store}`,
    'listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    `${jaas('plain', 'plain.PlainLoginModule')} user_${user}="${password}";`,
    `${jaas('scram-sha-256', 'scram.ScramLoginModule')};`,
    `${jaas('scram-sha-512', 'scram.ScramLoginModule')};`,
  ];
}

/** Arguments of Kafka's `format` that put the SCRAM credentials into its metadata. */
export function scramArguments({ user, password }: StackSecurity): string[] {
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${user},password=${password}]`,
  ]);
}

/** What Linefeed needs to be allowed on Elasticsearch, with index prefixes as tests make them; docs/scaling.md names it. */
const ROLE = `linefeed:
  cluster: [monitor, manage_index_templates, manage_ilm]
  indices:
    - names: ['t*-*']
      privileges: [all]
`;

/** Lines of elasticsearch.yml, and the files of its file realm with one user of few rights. */
export function elasticsearchSecurity({ user, password }: StackSecurity): {
  settings: string[];
  files: Record<string, string>;
} {
  const salt = randomBytes(HASH_BYTES);
  const hash = pbkdf2Sync(password, salt, HASH_ROUNDS, HASH_BYTES, 'sha512');
  const entry = `{PBKDF2}${HASH_ROUNDS}$${salt.toString('base64')}$${hash.toString('base64')}`;
  return {
    settings: [
      'xpack.security.enabled: true',
      'xpack.security.autoconfiguration.enabled: false',
      'xpack.security.http.ssl.enabled: true',
      'xpack.security.http.ssl.certificate: server.pem',
      'xpack.security.http.ssl.key: server.key',
    ],
    files: { users: `${user}:${entry}\n`, users_roles: `linefeed:${user}\n`, 'roles.yml': ROLE },
  };
}
