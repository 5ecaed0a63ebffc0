/** The input of a remote runner's helper process, and its result. */
import type { RemoteHost } from './hosts.ts';

export interface RemoteLogin {
  username: string;
  /** Texts of private keys, tried in order. */
  keys: { text: string; passphrase?: string }[];
  password?: string;
  /** Socket of a running ssh-agent. */
  agent?: string;
}

export interface RemoteJob {
  executionId: string;
  /** The execution's private folder: output goes to hosts/<label>.stdout and .stderr, the outcome to result.json. */
  folder: string;
  hosts: RemoteHost[];
  /** How many hosts at once. */
  parallel: number;
  login: RemoteLogin;
  bastion?: RemoteHost;
  knownHosts: string;
  acceptNew: boolean;
  connectTimeoutMs: number;
  keepaliveMs: number;
  /** Time to end the commands after SIGTERM; then the helper itself is killed. */
  graceMs: number;
  /** 0 means no limit. */
  timeoutMs: number;
  drainMs: number;
  work: RemoteWork;
}

export interface RemoteSetting {
  cwd: string;
  env: Record<string, string>;
  sudo: boolean;
  sudoPassword?: string;
  /** Make programs on the host flush after each line, where `stdbuf` exists there. */
  unbuffer: boolean;
}

export type RemoteWork = RemoteSetting &
  (
    | { kind: 'command'; text: string }
    /** The local `file` is copied to a new private folder in `dir` and run by `interpreter`, if given. */
    | { kind: 'script'; file: string; interpreter?: string; arguments: string[]; dir: string }
  );

/** The result of one host, in StackStorm's form. */
export interface HostOutcome {
  /** 255 when SSH failed, -9 after a timeout, 128 + n after a signal. */
  return_code: number;
  succeeded: boolean;
  failed: boolean;
  signal?: string;
  error?: string;
  timeout?: true;
}
