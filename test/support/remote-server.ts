/** A server whose remote runners reach a private sshd as 127.0.0.1, 127.0.0.2, …, so many hosts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { withFolder } from './folder.ts';
import { type ServerProcess, withServer } from './server.ts';
import { type Sshd, withSshd } from './sshd.ts';

export interface RemoteServer {
  server: ServerProcess;
  sshd: Sshd;
  /** An empty folder for the test's own files. */
  folder: string;
}

/** @param options `packs`: the server has packs in the folder `packs` of its data, which the test may fill. */
export function withRemoteServer<T>(
  body: (remote: RemoteServer) => Promise<T>,
  options: {
    hosts?: number;
    config?: Record<string, unknown>;
    ssh?: Record<string, unknown>;
    packs?: boolean;
  } = {},
): Promise<T> {
  return withSshd((sshd) =>
    withFolder(async (data) =>
      withFolder(async (folder) => {
        for (let host = 1; host <= (options.hosts ?? 1); host += 1) sshd.trust(`127.0.0.${host}`);
        const ssh = {
          knownHosts: sshd.knownHosts,
          privateKey: sshd.key,
          username: sshd.username,
          ...options.ssh,
        };
        const packs = options.packs ? { content: { packs: [join(data, 'packs')] } } : {};
        const config = { logLevel: 'warn', ssh, ...packs, ...options.config };
        writeFileSync(join(data, 'linefeed.yaml'), stringify(config));
        return withServer(data, (server) => body({ server, sshd, folder }));
      }),
    ),
  );
}
