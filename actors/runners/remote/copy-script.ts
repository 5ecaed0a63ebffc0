/** Puts a script into a new folder on the host that nobody else can read, and takes the folder away again. */
import type { Client, SFTPWrapper } from 'ssh2';
import { readRegularFile } from '../../../lib/regular-file.ts';
import { RemoteError } from './connect.ts';

/** It is read once for each host. */
const MAX_SCRIPT_BYTES = 64 * 1024 * 1024;

function openSftp(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error)
        reject(new RemoteError(`the script cannot be copied, sftp does not answer: ${error.message}`));
      else resolve(sftp);
    });
    client.once('close', () =>
      reject(new RemoteError('the connection was lost while the script was copied')),
    );
  });
}

function call(run: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())));
}

/** @throws RemoteError */
export async function copyScript(client: Client, file: string, folder: string): Promise<void> {
  const content = await readRegularFile(file, MAX_SCRIPT_BYTES).catch((error: Error) => {
    throw new RemoteError(`the script cannot be copied: ${error.message}`);
  });
  const sftp = await openSftp(client);
  try {
    await call((done) => sftp.mkdir(folder, { mode: 0o700 }, done));
    await call((done) => sftp.writeFile(`${folder}/script`, content, { mode: 0o700, flag: 'wx' }, done));
    await call((done) => sftp.chmod(`${folder}/script`, 0o700, done));
  } catch (error) {
    throw new RemoteError(`the script cannot be copied to ${folder}: ${(error as Error).message}`);
  } finally {
    sftp.end();
  }
}

/** True when the folder is gone. */
export async function removeScript(client: Client, folder: string): Promise<boolean> {
  const sftp = await openSftp(client).catch(() => undefined);
  if (!sftp) return false;
  try {
    await call((done) => sftp.unlink(`${folder}/script`, done)).catch(() => undefined);
    await call((done) => sftp.rmdir(folder, done)).catch(() => undefined);
    return await new Promise((resolve) =>
      sftp.stat(folder, (error) => resolve(error !== undefined && error !== null)),
    );
  } finally {
    sftp.end();
  }
}
