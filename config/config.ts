/**
 * Configuration: defaults, then `linefeed.yaml`, then the environment, later ones winning. Frozen once loaded.
 *
 * The file is `LINEFEED_CONFIG`, else `<data>/linefeed.yaml`, and may be absent.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { ServiceError } from '../lib/errors.ts';
import { compileExpression } from '../lib/re2.ts';
import { configFile } from './config-file.ts';

const DAY_MS = 86_400_000;

/** Milliseconds from `36h`, `90s`, `1h30m`; a bare number counts `unitMs`. 0 or empty means off. */
function duration(unitMs: number) {
  return z.union([z.number().nonnegative(), z.string()]).transform((value, context) => {
    if (typeof value === 'number') return value * unitMs;
    if (value.trim() === '') return 0;
    const ms = parseDuration(value, unitMs);
    if (ms === undefined) {
      context.addIssue({
        code: 'custom',
        message: `"${value}" is not a duration; write for example 36h, 90s or 1h30m`,
      });
      return z.NEVER;
    }
    return ms;
  });
}

/** Bytes from `64KiB`, `10MB` or a number. */
const size = z.union([z.number().int().nonnegative(), z.string()]).transform((value, context) => {
  if (typeof value === 'number') return value;
  const match = /^(\d+(?:\.\d+)?)\s*(|k|m|g|t)(i?)b?$/i.exec(value.trim());
  if (!match) {
    context.addIssue({
      code: 'custom',
      message: `"${value}" is not a size; write for example 64KiB, 10MB or 1048576`,
    });
    return z.NEVER;
  }
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  return Math.round(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
});

const flag = z.union([
  z.boolean(),
  z
    .enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'])
    .transform((v) => ['true', '1', 'yes', 'on'].includes(v)),
]);

const list = z.union([
  z.array(z.string()),
  z.string().transform((v) =>
    v
      .split(',')
      .map((s) => s.trim())
      .filter(Boolean),
  ),
]);

/** Checked here, so that a server with a mask that cannot work does not start. */
const expression = z.string().superRefine((value, context) => {
  try {
    compileExpression(value);
  } catch (cause) {
    const message = `"${value}" is not a regular expression that RE2 accepts: ${(cause as Error).message}`;
    context.addIssue({ code: 'custom', message });
  }
});

const schema = z.strictObject({
  /** Address to listen on. Anything but loopback needs `tls` or `insecure: true`. */
  host: z.string().default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65535).default(9101),
  /** Ports that lead to the same server, as StackStorm's bare services have them: `[9100, 9102]`. */
  extraPorts: z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',') : value),
      z.array(z.coerce.number().int().min(1).max(65535)),
    )
    .default([]),
  /** Folder of the log, the index, spool files and the token. */
  data: z.string().default(join(homedir(), '.linefeed')),
  insecure: flag.default(false),
  tls: z.strictObject({ cert: z.string(), key: z.string() }).optional(),
  /** Host names, besides loopback and `host`, by which clients may call the server (DNS rebinding is refused). */
  allowedHosts: list.default([]),
  roles: list
    .pipe(z.array(z.enum(['api', 'worker', 'projector'])).min(1))
    .default(['api', 'worker', 'projector']),
  logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),

  auth: z
    .strictObject({
      /** Who may log in by name, as `st2 login` does; a password is plain or `scrypt:<salt>:<hash>` in hexadecimal. */
      users: z
        .record(
          z.string(),
          z.strictObject({
            password: z.string().min(1),
            scopes: z.array(z.enum(['read', 'execute', 'admin'])).default(['execute']),
          }),
        )
        .default({}),
      /** How long such a login lasts, and the longest that can be asked for. */
      tokenTtl: duration(1000).default(86_400_000),
      maxTokenTtl: duration(1000).default(30 * 86_400_000),
    })
    .prefault({}),
  kafka: z
    .strictObject({
      brokers: list.default([]),
      topicPrefix: z.string().default('linefeed'),
      partitions: z.coerce.number().int().positive().default(12),
      replicationFactor: z.coerce.number().int().positive().default(1),
      ssl: flag.default(false),
      /** Path of a CA certificate. */
      ca: z.string().optional(),
      sasl: z
        .strictObject({
          mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
          username: z.string(),
          password: z.string(),
        })
        .optional(),
    })
    .prefault({}),
  elasticsearch: z
    .strictObject({
      node: z.string().optional(),
      apiKey: z.string().optional(),
      username: z.string().optional(),
      password: z.string().optional(),
      ca: z.string().optional(),
      indexPrefix: z.string().default('linefeed'),
      replicas: z.coerce.number().int().nonnegative().default(0),
      warmAfter: duration(DAY_MS).default(0),
    })
    .prefault({}),

  actionrunner: z
    .strictObject({
      /** Turns streaming of output off: nothing of a running execution's output is captured line by line. */
      stream_output: flag.default(true),
      /** Executions that run at once on this worker; more wait in order. */
      concurrency: z.coerce.number().int().positive().default(300),
      /** Executions that may wait; a request beyond it is refused. */
      queue: z.coerce.number().int().nonnegative().default(100_000),
      /** Between TERM and KILL. */
      grace: duration(1000).default(10_000),
      /** How long output is awaited after the process ended, while something holds its streams open; ten times this, where it comes. */
      drain: duration(1000).default(2000),
      /** Output kept per execution; 0 means no limit. */
      maxOutputBytes: size.default(0),
      onOutputLimit: z.enum(['cut', 'end']).default('cut'),
      /** A longer line goes out in pieces of this many bytes. */
      maxLineBytes: size.default(65_536),
      unbuffer: z.enum(['auto', 'off']).default('auto'),
      /** What children get of the server's own environment, by name. */
      passEnv: list.default(['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR']),
      env: z.record(z.string(), z.string()).default({}),
      /** Regular expressions (RE2) whose matches in output are masked. */
      maskPatterns: z.array(expression).default([]),
      /** What SIGTERM of the server does to running children. */
      onShutdown: z.enum(['leave', 'end']).default('leave'),
      python: z.string().default('python3'),
      labels: z.record(z.string(), z.string()).default({}),
      /** Where several workers share a log: one that is not heard of for this long is given up by the others. */
      lease: duration(1000).default(30_000),
      /** A stable name for this worker; made at first start when absent. */
      worker: z.string().optional(),
    })
    .prefault({}),
  content: z
    .strictObject({
      /** Folders that hold packs in StackStorm's layout. */
      packs: list.default([]),
      /** Modules whose default export is a runner, or makes one; see docs/runners.md. */
      runners: list.default([]),
    })
    .prefault({}),
  ssh: z
    .strictObject({
      knownHosts: z.string().default(join(homedir(), '.ssh', 'known_hosts')),
      privateKey: z.string().optional(),
      username: z.string().optional(),
      /** Accept hosts that are not in known_hosts. */
      acceptNew: flag.default(false),
      /** Hosts that remote runners may reach (`*` is a wildcard); empty means any. */
      allowedHosts: list.default([]),
      connectTimeout: duration(1000).default(20_000),
      /** A connection that three of these go unanswered on is lost. */
      keepalive: duration(1000).default(15_000),
    })
    .prefault({}),
  garbagecollector: z
    .strictObject({
      /** Executions with all they have are dropped this long after their end; a bare number counts days, 0 is never. */
      action_executions_ttl: duration(DAY_MS).default(0),
      /** Output alone. */
      action_executions_output_ttl: duration(DAY_MS).default(7 * DAY_MS),
      collection_interval: duration(1000).default(600_000),
    })
    .prefault({}),
});

export type Config = Readonly<z.output<typeof schema>> & {
  /** Where each setting that is not a default came from: `linefeed.yaml` or the variable's name. */
  readonly sources: Readonly<Record<string, string>>;
};

/** Environment variables and the settings they stand for. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  LINEFEED_HOST: 'host',
  LINEFEED_PORT: 'port',
  LINEFEED_DATA: 'data',
  LINEFEED_INSECURE: 'insecure',
  LINEFEED_ALLOWED_HOSTS: 'allowedHosts',
  LINEFEED_ROLES: 'roles',
  LINEFEED_LOG_LEVEL: 'logLevel',
  LINEFEED_PACKS: 'content.packs',
  LINEFEED_WORKER: 'actionrunner.worker',
  LINEFEED_LEASE: 'actionrunner.lease',
  LINEFEED_KAFKA_BROKERS: 'kafka.brokers',
  LINEFEED_KAFKA_TOPIC_PREFIX: 'kafka.topicPrefix',
  LINEFEED_KAFKA_PARTITIONS: 'kafka.partitions',
  LINEFEED_KAFKA_SSL: 'kafka.ssl',
  LINEFEED_KAFKA_CA: 'kafka.ca',
  LINEFEED_KAFKA_SASL_MECHANISM: 'kafka.sasl.mechanism',
  LINEFEED_KAFKA_SASL_USERNAME: 'kafka.sasl.username',
  LINEFEED_KAFKA_SASL_PASSWORD: 'kafka.sasl.password',
  LINEFEED_ELASTICSEARCH_NODE: 'elasticsearch.node',
  LINEFEED_ELASTICSEARCH_API_KEY: 'elasticsearch.apiKey',
  LINEFEED_ELASTICSEARCH_USERNAME: 'elasticsearch.username',
  LINEFEED_ELASTICSEARCH_PASSWORD: 'elasticsearch.password',
  LINEFEED_ELASTICSEARCH_CA: 'elasticsearch.ca',
  LINEFEED_ELASTICSEARCH_INDEX_PREFIX: 'elasticsearch.indexPrefix',
};

type Tree = { [key: string]: unknown };

function put(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let node = tree;
  for (const key of keys) {
    node[key] = { ...(node[key] as Tree | undefined) };
    node = node[key] as Tree;
  }
  node[last] = value;
}

function leaves(tree: Tree, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? leaves(value as Tree, `${prefix}${key}.`)
      : [`${prefix}${key}`],
  );
}

/** Settings that are paths. */
const PATHS = new Set([
  'data',
  'tls.cert',
  'tls.key',
  'kafka.ca',
  'elasticsearch.ca',
  'content.packs',
  'content.runners',
  'ssh.knownHosts',
  'ssh.privateKey',
]);

/** Relative paths of a file start from its folder, so that they mean the same, and load the same, wherever it is used. */
function anchored(tree: Tree, folder: string, prefix = ''): Tree {
  const place = (value: unknown, path: string): unknown => {
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      return anchored(value as Tree, folder, `${path}.`);
    }
    if (!PATHS.has(path)) return value;
    const many = path.startsWith('content.') && typeof value === 'string' ? value.split(',') : value;
    if (Array.isArray(many))
      return many.map((one) => (typeof one === 'string' ? resolve(folder, one.trim()) : one));
    return typeof value === 'string' ? resolve(folder, value) : value;
  };
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key, place(value, `${prefix}${key}`)]),
  );
}

/**
 * @param overrides settings by dotted path, as command-line flags give them; they win over everything.
 * @throws ServiceError `validation-failed` naming every bad setting and where it came from.
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  overrides: Readonly<Record<string, unknown>> = {},
): Config {
  const sources: Record<string, string> = {};
  const file = configFile(environment, overrides.data as string | undefined);
  let tree: Tree = {};
  if (file) {
    try {
      tree = (parseYaml(readFileSync(file, 'utf8')) as Tree | null) ?? {};
    } catch (cause) {
      throw new ServiceError('validation-failed', `${file} is not valid YAML: ${(cause as Error).message}`, {
        cause,
      });
    }
    for (const path of leaves(tree)) sources[path] = file;
    tree = anchored(tree, dirname(file));
  }
  for (const [name, path] of Object.entries(ENVIRONMENT)) {
    if (environment[name] === undefined) continue;
    put(tree, path, environment[name]);
    sources[path] = name;
  }
  for (const [path, value] of Object.entries(overrides)) {
    if (value === undefined) continue;
    put(tree, path, value);
    sources[path] = 'command line';
  }
  const result = schema.safeParse(tree);
  if (!result.success) {
    const errors = result.error.issues.map((issue) => {
      const path = issue.path.join('.');
      return { path, message: `${issue.message}${sources[path] ? ` (from ${sources[path]})` : ''}` };
    });
    const text = errors.map((error) => `  ${error.path || '(top level)'}: ${error.message}`).join('\n');
    throw new ServiceError('validation-failed', `The configuration has errors:\n${text}`, { errors });
  }
  return Object.freeze({ ...result.data, data: resolve(result.data.data), sources });
}
