/** Copies a script to a new private folder on the host, and removes that folder. */
import type { Client, SFTPWrapper } from 'ssh2';
import { readRegularFile } from '../../../lib/regular-file.ts';
import { RemoteError } from './connect.ts';

/** The script is read into memory once for each host. */
const MAX_SCRIPT_BYTES = 64 * 1024 * 1024;

function openSftp(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error) reject(new RemoteError(`cannot copy the script: no answer from sftp: ${error.message}`));
      else resolve(sftp);
    });
    client.once('close', () => reject(new RemoteError('connection lost while the script was copied')));
  });
}

function call(run: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())));
}

/** @throws RemoteError */
export async function copyScript(client: Client, file: string, folder: string): Promise<void> {
  const content = await readRegularFile(file, MAX_SCRIPT_BYTES).catch((error: Error) => {
    throw new RemoteError(`cannot copy the script: ${error.message}`);
  });
  const sftp = await openSftp(client);
  try {
    await call((done) => sftp.mkdir(folder, { mode: 0o700 }, done));
    await call((done) => sftp.writeFile(`${folder}/script`, content, { mode: 0o700, flag: 'wx' }, done));
    await call((done) => sftp.chmod(`${folder}/script`, 0o700, done));
  } catch (error) {
    throw new RemoteError(`cannot copy the script to ${folder}: ${(error as Error).message}`);
  } finally {
    sftp.end();
  }
}

/** True if the folder no longer exists. */
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
