/** Commands under a real keeper, without a server: what a test starts, and the frames that it leaves. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KeeperClient, openKeeperClient } from '../../actors/capture/keeper-client.ts';
import {
  type Exited,
  type Frame,
  jsonOf,
  KIND,
  omittedOf,
  parseFrame,
  segmentName,
  segmentNumbers,
  type Terminated,
} from '../../keeper/frames.ts';
import type { LaunchFile } from '../../keeper/protocol.ts';
import { withFolder } from './folder.ts';
import { until } from './within.ts';

export const LAUNCH: LaunchFile = {
  merge: false,
  hosts: [],
  earlier: 0,
  timeoutMs: 0,
  graceMs: 1000,
  maxOutputBytes: 0,
  endAtLimit: false,
};

export interface Kept {
  frames: Frame[];
  /** By source, the text that the spool holds, the end of what was left out included. */
  text(source: number): string;
  exited: Exited | undefined;
  terminated: Terminated | undefined;
  over: boolean;
}

export interface KeeperRun {
  folder: string;
  client: KeeperClient;
  /** Starts a command line with /bin/sh. @returns its id. */
  start(cmd: string, launch?: Partial<LaunchFile>): Promise<string>;
  state(id: string): Kept;
  /** Once nothing follows. */
  over(id: string): Promise<Kept>;
}

function framesIn(folder: string): Frame[] {
  return segmentNumbers(existsSync(folder) ? readdirSync(folder) : []).flatMap((number) => {
    const bytes = readFileSync(join(folder, segmentName(number)));
    const frames: Frame[] = [];
    for (let offset = 0; ; ) {
      const parsed = parseFrame(bytes, offset);
      if (!parsed.frame) return parsed.torn?.kind === KIND.data ? [...frames, parsed.torn] : frames;
      frames.push(parsed.frame);
      offset = parsed.next;
    }
  });
}

function stateOf(folder: string): Kept {
  const frames = framesIn(folder);
  const last = <T>(kind: number) => {
    const frame = frames.findLast((one) => one.kind === kind);
    return frame && jsonOf<T>(frame);
  };
  return {
    frames,
    text(source) {
      const parts = frames
        .filter((frame) => frame.source === source)
        .flatMap((frame) =>
          frame.kind === KIND.data ? frame.payload : frame.kind === KIND.omitted ? omittedOf(frame).tail : [],
        );
      return Buffer.concat(parts).toString('latin1');
    },
    exited: last<Exited>(KIND.exited),
    terminated: last<Terminated>(KIND.terminated),
    over: frames.some(({ kind }) => kind === KIND.end),
  };
}

/** The keeper ends soon after the folder is removed. */
export function withKeeper<T>(body: (run: KeeperRun) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const spool = join(folder, 'spool');
    const client = openKeeperClient({ spool, home: join(folder, 'keeper') });
    let count = 0;
    try {
      return await body({
        folder,
        client,
        async start(cmd, launch = {}) {
          const execution = `run-${++count}`;
          mkdirSync(join(spool, execution), { recursive: true });
          writeFileSync(join(spool, execution, 'launch.json'), JSON.stringify({ ...LAUNCH, ...launch }));
          await client.start({
            execution,
            command: ['/bin/sh', '-c', cmd],
            cwd: '/',
            env: { PATH: process.env.PATH ?? '', LINEFEED_EXECUTION_ID: execution },
          });
          return execution;
        },
        state: (id) => stateOf(join(spool, id)),
        over: (id) =>
          until(
            60_000,
            () => {
              const state = stateOf(join(spool, id));
              return state.over ? state : undefined;
            },
            `the end of ${id}`,
          ),
      });
    } finally {
      client.close();
    }
  });
}
