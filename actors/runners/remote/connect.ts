/** Opens SSH connections, directly or through a bastion host, and checks host keys against known_hosts. */
import type { Duplex } from 'node:stream';
import ssh2, { type AnyAuthMethod, type Client, type ConnectConfig } from 'ssh2';
import type { RemoteHost } from './hosts.ts';
import type { RemoteJob, RemoteLogin } from './job.ts';
import { fingerprint, type KnownHosts, keyType, knownName } from './known-hosts.ts';

/** A failure whose message is for users. */
export class RemoteError extends Error {}

/** Unanswered keep-alives before a connection counts as dead: with one every 15 s, within a minute. */
const KEEPALIVE_COUNT = 3;

const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** A server presents one key only. As OpenSSH does, ask for a type that known_hosts has. */
function hostKeyAlgorithms(known: KnownHosts, target: RemoteHost): string[] {
  const types = known.keys(target.host, target.port).map(({ type }) => type);
  const first = HOST_KEY_ALGORITHMS.filter((algorithm) =>
    types.includes(algorithm.startsWith('rsa') ? 'ssh-rsa' : algorithm),
  );
  return [...new Set([...first, ...HOST_KEY_ALGORITHMS])];
}

function unknownKey(job: RemoteJob, target: RemoteHost, key: Buffer): string {
  const name = knownName(target.host, target.port);
  return (
    `unknown host key: ${name} presents ${keyType(key)} ${fingerprint(key)}. ` +
    `If that is right, add it with "ssh-keyscan -p ${target.port} ${target.host} >> ${job.knownHosts}", ` +
    'or set ssh.acceptNew to trust hosts at first sight'
  );
}

function badKey(
  job: RemoteJob,
  target: RemoteHost,
  key: Buffer,
  check: { known: string; line: number },
): string {
  const name = knownName(target.host, target.port);
  const where = `line ${check.line} of ${job.knownHosts}`;
  if (check.known === 'revoked') return `the host key ${fingerprint(key)} is marked as revoked in ${where}`;
  return (
    `the host key has CHANGED: ${name} presents ${keyType(key)} ${fingerprint(key)}, which is not the key in ${where}. ` +
    `Somebody may intercept the connection. If the host was reinstalled, remove the old key with "ssh-keygen -f ${job.knownHosts} -R '${name}'"`
  );
}

function authSteps({ username, keys, password, agent }: RemoteLogin): AnyAuthMethod[] {
  const steps: AnyAuthMethod[] = keys.map(({ text, passphrase }) => ({
    type: 'publickey',
    username,
    key: text,
    ...(passphrase === undefined ? {} : { passphrase }),
  }));
  if (agent !== undefined) steps.push({ type: 'agent', username, agent });
  if (password !== undefined) {
    steps.push({ type: 'password', username, password });
    steps.push({
      type: 'keyboard-interactive',
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.map(() => password)),
    });
  }
  return steps;
}

function connectFailure(
  error: Error & { level?: string; code?: string },
  job: RemoteJob,
  target: RemoteHost,
): string {
  const at = `port ${target.port}`;
  if (error.level === 'client-authentication') {
    const means = [
      job.login.keys.length > 0 ? 'private key' : '',
      job.login.agent ? 'agent' : '',
      job.login.password ? 'password' : '',
    ].filter(Boolean);
    return means.length > 0
      ? `login refused for ${job.login.username} (tried: ${means.join(', ')})`
      : `no credentials for ${job.login.username}: send private_key or password, or set ssh.privateKey`;
  }
  if (error.level === 'client-timeout') return `no answer on ${at} within ${job.connectTimeoutMs / 1000} s`;
  if (error.code === 'ECONNREFUSED') return `connection refused on ${at}: is sshd running there?`;
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return 'the name cannot be resolved';
  if (error.code === 'EHOSTUNREACH' || error.code === 'ENETUNREACH') return `host unreachable on ${at}`;
  if (error.code === 'ECONNRESET') return `the host closed the connection on ${at}`;
  return error.message;
}

/**
 * @param through a stream to the host, when a bastion made one.
 * @throws RemoteError
 */
export function connect(
  job: RemoteJob,
  known: KnownHosts,
  target: RemoteHost,
  through?: Duplex,
): Promise<Client> {
  const client = new ssh2.Client();
  let refusal: string | undefined;
  const config: ConnectConfig = {
    host: target.host,
    port: target.port,
    username: job.login.username,
    readyTimeout: job.connectTimeoutMs,
    keepaliveInterval: job.keepaliveMs,
    keepaliveCountMax: KEEPALIVE_COUNT,
    algorithms: { serverHostKey: hostKeyAlgorithms(known, target) as never },
    authHandler: authSteps(job.login),
    hostVerifier: (key: Buffer) => {
      const check = known.check(target.host, target.port, key);
      if (check.known === 'yes') return true;
      if (check.known === 'no') {
        if (job.acceptNew) known.add(target.host, target.port, key);
        else refusal = unknownKey(job, target, key);
        return job.acceptNew;
      }
      refusal = badKey(job, target, key, check);
      return false;
    },
    ...(through ? { sock: through as never } : {}),
  };
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      client.removeAllListeners('close');
      client.on('error', () => undefined);
      client.end();
      client.destroy();
      reject(new RemoteError(refusal ?? connectFailure(error, job, target)));
    };
    client.once('ready', () => {
      client.removeListener('error', fail);
      client.removeAllListeners('close');
      client.setNoDelay(true);
      resolve(client);
    });
    client.once('error', fail);
    client.once('close', () => fail(new Error('the host closed the connection during the login')));
    client.connect(config);
  });
}

export interface Connector {
  open(target: RemoteHost): Promise<Client>;
  close(): void;
}

/** If the job has a bastion, all connections use one connection to it. */
export function createConnector(job: RemoteJob, known: KnownHosts): Connector {
  let bastion: Promise<Client> | undefined;

  function throughBastion(target: RemoteHost): Promise<Duplex> {
    const host = job.bastion as RemoteHost;
    bastion ??= connect(job, known, host).then((client) => {
      // The connections through the bastion report its end themselves.
      client.on('error', () => undefined);
      client.once('close', () => {
        bastion = undefined;
      });
      return client;
    });
    const opening = bastion;
    return opening.then(
      (client) =>
        new Promise<Duplex>((resolve, reject) => {
          client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, stream) => {
            if (error) {
              reject(
                new RemoteError(`the bastion host ${host.label} cannot reach the host: ${error.message}`),
              );
            } else resolve(stream);
          });
        }),
      (error: Error) => {
        throw new RemoteError(`the bastion host ${host.label}: ${error.message}`);
      },
    );
  }

  return {
    open: async (target) =>
      connect(job, known, target, job.bastion ? await throughBastion(target) : undefined),
    close() {
      void bastion?.then((client) => client.end()).catch(() => undefined);
    },
  };
}
