/**
 * The settings. Each is defined once, here: its schema, default, variable, StackStorm's name and description. The loader,
 * `config print` and docs/configuration.md read this file.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { count, duration, expression, flag, list, ports, positive, size } from './values.ts';

export interface SettingInfo {
  /** What it does, as Markdown. */
  text: string;
  /** The environment variable that sets it. */
  variable?: string;
  /** StackStorm's name, which is accepted too. */
  stackstorm?: { name: string /** The unit of a number without one. */; unit?: 's' | 'd' };
  /** The value is a path, or a list of paths. Relative ones start from the folder of the file. */
  path?: true;
  /** The default in words, where the value alone would not tell. */
  shownDefault?: string;
}

/** What the schema of a setting does not say about it. */
export const settingInfo = z.registry<SettingInfo>();

function setting<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  info: Omit<SettingInfo, 'text'> = {},
) {
  settingInfo.add(schema, { text, ...info });
  return schema;
}

const account = z.strictObject({
  password: z.string().min(1),
  scopes: z.array(z.enum(['read', 'execute', 'admin'])).default(['execute']),
});

const auth = z.strictObject({
  users: setting(
    z.record(z.string(), account).default({}),
    'Users who can log in by name, as `st2 login` does: `NAME: {password: …, scopes: [read, execute, admin]}`. The password is plain text or `scrypt:<salt>:<hash>` in hexadecimal. The default scope is `execute`.',
  ),
  tokenTtl: setting(duration.prefault('24h'), 'How long a login lasts.'),
  maxTokenTtl: setting(duration.prefault('30d'), 'The longest login that a client can request.'),
});

const kafka = z.strictObject({
  brokers: setting(
    list.default([]),
    'Kafka brokers, `host:port`. If set, events and API keys are in Kafka, shared by all nodes, instead of in SQLite.',
    { variable: 'LINEFEED_KAFKA_BROKERS' },
  ),
  topicPrefix: setting(z.string().default('linefeed'), 'Prefix of the topics.', {
    variable: 'LINEFEED_KAFKA_TOPIC_PREFIX',
  }),
  partitions: setting(positive.default(12), 'Partitions of a new topic.', {
    variable: 'LINEFEED_KAFKA_PARTITIONS',
  }),
  replicationFactor: setting(positive.default(1), 'Replicas of a new topic.'),
  ssl: setting(flag.default(false), 'Connect with TLS.', { variable: 'LINEFEED_KAFKA_SSL' }),
  ca: setting(z.string().optional(), 'CA certificate of the brokers.', {
    variable: 'LINEFEED_KAFKA_CA',
    path: true,
  }),
  sasl: z
    .strictObject({
      mechanism: setting(z.enum(['plain', 'scram-sha-256', 'scram-sha-512']), 'SASL mechanism.', {
        variable: 'LINEFEED_KAFKA_SASL_MECHANISM',
      }),
      username: setting(z.string(), 'SASL user.', { variable: 'LINEFEED_KAFKA_SASL_USERNAME' }),
      password: setting(z.string(), 'SASL password.', { variable: 'LINEFEED_KAFKA_SASL_PASSWORD' }),
    })
    .optional(),
});

const elasticsearch = z.strictObject({
  node: setting(
    z.string().optional(),
    'URL of Elasticsearch. If set, the output index is there instead of in SQLite.',
    { variable: 'LINEFEED_ELASTICSEARCH_NODE' },
  ),
  apiKey: setting(z.string().optional(), 'API key.', { variable: 'LINEFEED_ELASTICSEARCH_API_KEY' }),
  username: setting(z.string().optional(), 'User, if there is no API key.', {
    variable: 'LINEFEED_ELASTICSEARCH_USERNAME',
  }),
  password: setting(z.string().optional(), 'Password of the user.', {
    variable: 'LINEFEED_ELASTICSEARCH_PASSWORD',
  }),
  ca: setting(z.string().optional(), 'CA certificate of Elasticsearch.', {
    variable: 'LINEFEED_ELASTICSEARCH_CA',
    path: true,
  }),
  indexPrefix: setting(z.string().default('linefeed'), 'Prefix of the indices.', {
    variable: 'LINEFEED_ELASTICSEARCH_INDEX_PREFIX',
  }),
  replicas: setting(count.default(0), 'Replicas of an index.'),
  warmAfter: setting(duration.prefault('0'), 'Age at which an index moves to the warm phase; 0 is never.'),
});

const worker = z.strictObject({
  name: setting(z.string().optional(), 'Name of this worker. It must stay the same over restarts.', {
    variable: 'LINEFEED_WORKER',
    shownDefault: 'made at first start',
  }),
  labels: setting(
    z.record(z.string(), z.string()).default({}),
    'Labels of this worker; an execution can require labels.',
  ),
  lease: setting(
    duration.prefault('30s'),
    'With Kafka: how long a worker may be silent before the others abandon its executions.',
    { variable: 'LINEFEED_LEASE' },
  ),
  concurrency: setting(
    positive.default(300),
    'Executions that run at the same time on this worker. More wait in order.',
  ),
  queue: setting(count.default(100_000), 'Executions that may wait. The API rejects further requests.'),
  grace: setting(duration.prefault('10s'), 'Time between TERM and KILL.'),
  drain: setting(
    duration.prefault('2s'),
    'How long to wait for output after the process has ended, if other processes hold its streams open. Ten times as long while output arrives.',
  ),
  onShutdown: setting(
    z.enum(['leave', 'end']).default('leave'),
    'What the server does with running commands when it stops: `leave` them running or `end` them.',
  ),
  streamOutput: setting(
    flag.default(true),
    'Stream output while the command runs. `false` makes it readable only after the command has ended.',
    { stackstorm: { name: 'actionrunner.stream_output' } },
  ),
  maxOutputBytes: setting(size.default(0), 'Output to keep per execution; 0 means no limit.', {
    shownDefault: '0',
  }),
  onOutputLimit: setting(
    z.enum(['cut', 'end']).default('cut'),
    'What to do beyond `maxOutputBytes`: `cut` out the middle of the output and mark the gap, or `end` the command.',
  ),
  maxLineBytes: setting(size.default(65_536), 'A longer line is stored in parts of this size.', {
    shownDefault: '64KiB',
  }),
  unbuffer: setting(
    z.enum(['auto', 'off']).default('auto'),
    '`auto` sets the variables of `stdbuf -oL -eL` (among them LD_PRELOAD) for commands, so that C programs write each line at once. That costs them time where they write much; `off`, or `unbuffer: false` for one execution, leaves them alone. The linker complains in a `chroot` without that library.',
  ),
  maskPatterns: setting(
    z.array(expression).default([]),
    'Regular expressions (RE2). Their matches in output are masked, as the values of secret parameters always are.',
  ),
  passEnv: setting(
    list.default(['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR']),
    "Variables of the server's environment that commands inherit. PATH without `node_modules/.bin` and without the Node that Linefeed brings; TERM is `dumb` unless it is listed here or set in `env`.",
  ),
  env: setting(z.record(z.string(), z.string()).default({}), 'Further variables for all commands.'),
  python: setting(
    z.string().default('python3'),
    'Python for packs without a virtual environment: a program or a virtual environment.',
  ),
});

const content = z.strictObject({
  packs: setting(list.default([]), "Folders with packs in StackStorm's layout.", {
    variable: 'LINEFEED_PACKS',
    path: true,
  }),
  runners: setting(list.default([]), 'Modules with your own runners; see [runners](runners.md).', {
    path: true,
  }),
});

const ssh = z.strictObject({
  knownHosts: setting(z.string().default(join(homedir(), '.ssh', 'known_hosts')), 'Known hosts.', {
    path: true,
    shownDefault: '~/.ssh/known_hosts',
  }),
  acceptNew: setting(flag.default(false), 'Accept hosts that are not among the known hosts.'),
  privateKey: setting(z.string().optional(), 'Private key.', { path: true }),
  username: setting(z.string().optional(), 'User on remote hosts.'),
  allowedHosts: setting(list.default([]), 'Hosts that remote runners can reach; `*` is a wildcard.', {
    shownDefault: 'any host',
  }),
  connectTimeout: setting(duration.prefault('20s'), 'How long to wait for a connection.'),
  keepalive: setting(
    duration.prefault('15s'),
    'Interval of keep-alive messages. After three without an answer, the connection counts as lost.',
  ),
});

const retention = z.strictObject({
  executionsTtl: setting(
    duration.prefault('0'),
    'How long after its end an execution expires, with its output; 0 is never.',
    { stackstorm: { name: 'garbagecollector.action_executions_ttl', unit: 'd' } },
  ),
  outputTtl: setting(
    duration.prefault('7d'),
    'How long after the end of an execution its output expires; 0 is never.',
    { stackstorm: { name: 'garbagecollector.action_executions_output_ttl', unit: 'd' } },
  ),
  interval: setting(
    duration.prefault('10m'),
    'How often to delete expired data; 0 is only `linefeed purge`.',
    {
      stackstorm: { name: 'garbagecollector.collection_interval', unit: 's' },
    },
  ),
});

export const settings = z.strictObject({
  host: setting(
    z.string().default('127.0.0.1'),
    'Address to listen on. An address that is not loopback requires `tls` or `insecure: true`.',
    { variable: 'LINEFEED_HOST' },
  ),
  port: setting(
    z.coerce.number().int().min(0).max(65_535).default(9101),
    'Port to listen on; 0 is any free port.',
    {
      variable: 'LINEFEED_PORT',
    },
  ),
  extraPorts: setting(
    ports.default([]),
    "Further ports of the same server. `[9100, 9102]` are the ports of StackStorm's services.",
  ),
  data: setting(
    z.string().default(join(homedir(), '.linefeed')),
    'Data folder: event log, output index, spool, token, API keys.',
    { variable: 'LINEFEED_DATA', path: true, shownDefault: '~/.linefeed' },
  ),
  insecure: setting(flag.default(false), 'Allow plain HTTP on an address that is not loopback.', {
    variable: 'LINEFEED_INSECURE',
  }),
  tls: z
    .strictObject({
      cert: setting(z.string(), 'Certificate for HTTPS.', { path: true }),
      key: setting(z.string(), 'Private key of the certificate.', { path: true }),
    })
    .optional(),
  allowedHosts: setting(
    list.default([]),
    'Host names of the server, besides loopback and `host`. The server rejects requests to other names.',
    { variable: 'LINEFEED_ALLOWED_HOSTS' },
  ),
  roles: setting(
    list.pipe(z.array(z.enum(['api', 'worker', 'projector'])).min(1)).default(['api', 'worker', 'projector']),
    'What this process does. SQLite requires all three roles.',
    { variable: 'LINEFEED_ROLES' },
  ),
  logLevel: setting(
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    "Level of the server's own log.",
    { variable: 'LINEFEED_LOG_LEVEL' },
  ),
  worker: worker.prefault({}),
  retention: retention.prefault({}),
  content: content.prefault({}),
  ssh: ssh.prefault({}),
  auth: auth.prefault({}),
  kafka: kafka.prefault({}),
  elasticsearch: elasticsearch.prefault({}),
});
