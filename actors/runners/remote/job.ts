/** What the helper process of a remote runner is told, and what it leaves behind. */
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
  /** Hosts that are worked on at once. */
  parallel: number;
  login: RemoteLogin;
  bastion?: RemoteHost;
  knownHosts: string;
  acceptNew: boolean;
  connectTimeoutMs: number;
  keepaliveMs: number;
  /** Between TERM and the end of our patience; the helper itself is killed after that. */
  graceMs: number;
  /** 0 means never. */
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
    /** `file` is local and is copied into a new private folder in `dir`; `interpreter` stands before it when set. */
    | { kind: 'script'; file: string; interpreter?: string; arguments: string[]; dir: string }
  );

/** What happened on one host, in StackStorm's words. */
export interface HostOutcome {
  /** 255 when SSH failed, -9 after a timeout, 128 + n after a signal. */
  return_code: number;
  succeeded: boolean;
  failed: boolean;
  signal?: string;
  error?: string;
  timeout?: true;
}
