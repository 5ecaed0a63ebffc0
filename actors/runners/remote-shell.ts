/**
 * What both remote runners share: parameters, and the helper process that works on all hosts at once (remote/helper.ts).
 * Invalid requests are refused here, before anything starts.
 */

import { writeFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Launch, ParameterSchema, ProcessEnd, RunnerRequest, Verdict } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';
import { siblingModuleUrl } from '../../lib/module-url.ts';
import { checkRegularFile, readRegularFile } from '../../lib/regular-file.ts';
import { environmentVariables } from './arguments.ts';
import { checkAllowed, checkUser, parseHost, parseHosts } from './remote/hosts.ts';
import type { HostOutcome, RemoteJob, RemoteLogin, RemoteSetting, RemoteWork } from './remote/job.ts';
import { keyRounds } from './remote/key-rounds.ts';
import { KNOWN_HOSTS_LIMIT_BYTES } from './remote/known-hosts.ts';
import { SHELL_PARAMETERS } from './shared-parameters.ts';

export interface RemoteOptions {
  knownHosts: string;
  acceptNew: boolean;
  /** Patterns of allowed hosts; empty means all. */
  allowedHosts: readonly string[];
  /** Path of the private key for requests without one. */
  privateKey?: string | undefined;
  username?: string | undefined;
  connectTimeoutMs: number;
  keepaliveMs: number;
  graceMs: number;
  drainMs: number;
  unbuffer: boolean;
}

/** Hosts at once; the others wait. Each costs a key exchange and two open files. */
const MAX_PARALLEL = 200;
/** Private keys are shorter. */
const MAX_KEY_BYTES = 65_536;
/** Decrypting a key blocks the thread that serves requests. ssh-keygen uses 16 or 24 rounds. */
const MAX_KEY_ROUNDS = 100;
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

export const REMOTE_PARAMETERS: Record<string, ParameterSchema> = {
  hosts: {
    type: 'string',
    required: true,
    description: 'Hosts, separated by commas: names or addresses, optionally with :port.',
  },
  username: { type: 'string', description: 'User name for the login.' },
  password: { type: 'string', secret: true, description: 'Password for the login.' },
  private_key: {
    type: 'string',
    secret: true,
    description: "Private key for the login: its text, or the path of its file on the worker's machine.",
  },
  passphrase: { type: 'string', secret: true, description: 'Passphrase of the private key.' },
  port: {
    type: 'integer',
    default: 22,
    minimum: 1,
    maximum: 65535,
    description: 'SSH port of hosts without :port.',
  },
  bastion_host: { type: 'string', description: 'Jump host, optionally with :port.' },
  parallel: {
    type: 'boolean',
    default: true,
    description: 'Run on all hosts at once; false: on one after the other.',
  },
  cwd: { type: 'string', default: '/tmp', description: 'Working directory on the host.' },
  ...SHELL_PARAMETERS,
};

function asOptional(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @param shown the file's name in messages. */
async function readKeyFile(path: string, name: string, shown: string): Promise<string> {
  const file = resolve(path.replace(/^~(?=\/)/, homedir()));
  try {
    return (await readRegularFile(file, MAX_KEY_BYTES, `${name}: ${shown}`)).toString('utf8');
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    // The value may be the text of a broken key, so it is not shown.
    throw new ServiceError(
      'invalid-private-key',
      `${name}: neither the text of a private key (-----BEGIN … PRIVATE KEY-----) nor the path of a readable key file`,
      { cause },
    );
  }
}

/** @throws ServiceError `invalid-private-key` when the key cannot be used; the message shows nothing of the key. */
async function openKey(
  text: string,
  passphrase: string | undefined,
  name: string,
): Promise<{ text: string; passphrase?: string }> {
  if (keyRounds(text) > MAX_KEY_ROUNDS) {
    throw new ServiceError(
      'invalid-private-key',
      `${name}: decrypting the key takes more than ${MAX_KEY_ROUNDS} rounds; encrypt it again with "ssh-keygen -p -a ${MAX_KEY_ROUNDS}"`,
    );
  }
  const { default: ssh2 } = await import('ssh2');
  const parsed = ssh2.utils.parseKey(text, passphrase);
  const isPrivate = !(parsed instanceof Error) && [parsed].flat().every((key) => key.isPrivateKey());
  if (!isPrivate) {
    const locked = parsed instanceof Error && /encrypted|passphrase|decrypt|integrity/i.test(parsed.message);
    throw new ServiceError(
      'invalid-private-key',
      locked
        ? `${name}: the key is encrypted; send its passphrase${passphrase === undefined ? '' : ' (this one is wrong)'}`
        : `${name}: malformed; it must be a private key in OpenSSH or PEM format`,
    );
  }
  return passphrase === undefined ? { text } : { text, passphrase };
}

async function readLogin(parameters: Record<string, unknown>, options: RemoteOptions): Promise<RemoteLogin> {
  const username = checkUser(asOptional(parameters.username) ?? options.username ?? userInfo().username);
  const password = asOptional(parameters.password);
  const passphrase = asOptional(parameters.passphrase);
  const given = asOptional(parameters.private_key);
  const agent = process.env.SSH_AUTH_SOCK;
  const login: RemoteLogin = { username, keys: [], ...(password === undefined ? {} : { password }) };
  if (given !== undefined) {
    const text = given.includes('PRIVATE KEY')
      ? `${given.trim()}\n`
      : await readKeyFile(given, 'private_key', given);
    login.keys.push(await openKey(text, passphrase, 'private_key'));
  } else if (options.privateKey !== undefined) {
    const text = await readKeyFile(options.privateKey, 'ssh.privateKey', options.privateKey);
    login.keys.push(await openKey(text, passphrase, 'ssh.privateKey'));
  } else if (password === undefined) {
    if (agent) login.agent = agent;
    for (const name of DEFAULT_KEYS) {
      const path = join(homedir(), '.ssh', name);
      const key = await readKeyFile(path, name, path)
        .then((text) => openKey(text, passphrase, name))
        .catch(() => undefined);
      if (key) login.keys.push(key);
    }
  }
  return login;
}

/** What commands and scripts share. @throws ServiceError `validation-failed` */
export function remoteSetting(parameters: Record<string, unknown>, options: RemoteOptions): RemoteSetting {
  const sudoPassword = asOptional(parameters.sudo_password);
  const cwd = asOptional(parameters.cwd) ?? '/tmp';
  for (const [name, text] of Object.entries({ cwd, sudo_password: sudoPassword ?? '' })) {
    if (text.includes('\0'))
      throw new ServiceError('validation-failed', `${name}: a NUL character is not allowed`);
  }
  return {
    cwd,
    env: environmentVariables(parameters.env),
    sudo: parameters.sudo === true,
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
    unbuffer: options.unbuffer,
  };
}

/** @throws ServiceError `validation-failed`, `forbidden` */
export async function remoteLaunch(
  request: RunnerRequest,
  work: RemoteWork,
  options: RemoteOptions,
): Promise<Launch> {
  const { parameters, folder, executionId } = request;
  const hosts = parseHosts(parameters.hosts, Number(parameters.port ?? 22));
  const bastionName = asOptional(parameters.bastion_host);
  const bastion = bastionName === undefined ? undefined : parseHost(bastionName, 22, 'bastion_host');
  checkAllowed(bastion ? [...hosts, bastion] : hosts, options.allowedHosts);
  await checkRegularFile(
    options.knownHosts,
    KNOWN_HOSTS_LIMIT_BYTES,
    `ssh.knownHosts: ${options.knownHosts}`,
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  const timeoutS = Number(parameters.timeout ?? 60);
  const job: RemoteJob = {
    executionId,
    folder,
    hosts,
    parallel: parameters.parallel === false ? 1 : MAX_PARALLEL,
    login: await readLogin(parameters, options),
    ...(bastion ? { bastion } : {}),
    knownHosts: options.knownHosts,
    acceptNew: options.acceptNew,
    connectTimeoutMs: options.connectTimeoutMs,
    keepaliveMs: options.keepaliveMs,
    graceMs: options.graceMs,
    timeoutMs: timeoutS * 1000,
    drainMs: options.drainMs,
    work,
  };
  const jobFile = join(folder, 'remote.json');
  await writeFile(jobFile, JSON.stringify(job), { mode: 0o600 });
  return {
    command: [process.execPath, fileURLToPath(siblingModuleUrl(import.meta.url, './remote/helper')), jobFile],
    unbuffer: false,
    timeoutS,
    hosts: hosts.map(({ label }) => label),
    secrets: job.login.password === undefined ? [] : [job.login.password],
  };
}

/** The execution succeeds if every host succeeded. */
export function concludeRemote({ exitCode, signal, result }: ProcessEnd): Verdict {
  const outcomes = Object.entries((result ?? {}) as Record<string, HostOutcome>);
  if (outcomes.length === 0) {
    const how = signal ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
    return {
      succeeded: false,
      error: `The SSH helper ${how} and reported nothing about the hosts`,
    };
  }
  const failed = outcomes.filter(([, outcome]) => !outcome.succeeded);
  if (failed.length === 0) return { succeeded: true, result };
  const reasons = failed
    .slice(0, 5)
    .map(([host, outcome]) => `${host}: ${outcome.error ?? `exit code ${outcome.return_code}`}`);
  const more = failed.length > 5 ? `; and ${failed.length - 5} more` : '';
  const error = `${failed.length} of ${outcomes.length} hosts failed: ${reasons.join('; ')}${more}`;
  return { succeeded: false, error: outcomes.length === 1 ? (reasons[0] as string) : error, result };
}
