/**
 * The keeper's process: `node main.ts <spool folder> <own folder> <socket path>`. Listens for servers, and ends by
 * itself when it keeps nothing and nobody has spoken to it for a minute, or when its folder is no longer there.
 */
import { existsSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { openKeeper } from './keeper.ts';
import {
  type KeeperAnswer,
  type KeeperNotice,
  type KeeperRequest,
  lineParser,
  type Numbered,
  PROTOCOL_VERSION,
} from './protocol.ts';

const IDLE_MS = 60_000;
const CHECK_MS = 1000;

const [spool = '', home = '', socketPath = ''] = process.argv.slice(2);
const servers = new Set<Socket>();
const wrote = new Set<string>();
let idleSince = Date.now();

function send(socket: Socket, message: KeeperAnswer | KeeperNotice): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

/** One notice for all that was written in a turn of the loop. */
function onWrote(execution: string): void {
  if (wrote.size === 0) setImmediate(tell);
  wrote.add(execution);
}

function tell(): void {
  const notice = { wrote: [...wrote] };
  wrote.clear();
  for (const server of servers) send(server, notice);
}

function serve(socket: Socket): void {
  servers.add(socket);
  send(socket, { greeting: { version: PROTOCOL_VERSION, pid: process.pid } });
  const parse = lineParser<KeeperRequest & Numbered>((request) => {
    idleSince = Date.now();
    keeper.handle(request).then(
      (ok) => send(socket, { number: request.number, ok }),
      (error: Error) => send(socket, { number: request.number, error: error.message }),
    );
  });
  socket.setEncoding('utf8');
  socket.on('data', parse);
  socket.on('error', () => undefined);
  socket.on('close', () => servers.delete(socket));
}

/** True when another keeper answers there: two of them would read the same FIFOs. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

// What goes wrong with one command must not stop what is kept of all the others.
process.on('uncaughtException', (error) => process.stderr.write(`${error.stack}\n`));
// A terminal's Ctrl-C is for the server.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);

if (await answers(socketPath)) process.exit(0);
rmSync(socketPath, { force: true });
const keeper = await openKeeper(spool, home, onWrote);
const server = createServer(serve);
server.listen(socketPath);

setInterval(() => {
  if (keeper.count() > 0 || servers.size > 0) idleSince = Date.now();
  if (!existsSync(home)) {
    keeper.abandon();
    process.exit(0);
  }
  if (Date.now() - idleSince < IDLE_MS) return;
  rmSync(socketPath, { force: true });
  process.exit(0);
}, CHECK_MS);
