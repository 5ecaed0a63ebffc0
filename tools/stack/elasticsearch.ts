/** One Elasticsearch node, without security unless it is asked for, for development and tests, on the loopback interface only. */
import { readFileSync } from 'node:fs';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { elasticsearchHome, findJava } from './packages.ts';
import { elasticsearchSecurity, type StackSecurity } from './security.ts';
import { freePorts, processServer, type StackServer } from './server.ts';

/** `nobody`: Elasticsearch refuses to run as root. */
const UNPRIVILEGED = 65_534;

// These stand for the file that comes with it, the line about its temporary folder included: else it is /tmp.
const JVM_OPTIONS = (temporary: string) =>
  `-Xms1g\n-Xmx1g\n-XX:+UseSerialGC\n-XX:-UsePerfData\n-Djava.io.tmpdir=${temporary}\n`;
const LOG_OPTIONS = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`;

/** Rejects until the node answers that its primaries can be had. */
export async function elasticsearchAnswers(node: string): Promise<void> {
  const response = await fetch(new URL('/_cluster/health?wait_for_status=yellow&timeout=1s', node), {
    signal: AbortSignal.timeout(5000),
  });
  if (!response.ok) throw new Error(`health answered ${response.status}`);
}

/** The same of a node with security; `fetch` cannot be given a CA. */
async function answersSecurely(node: string, security: StackSecurity): Promise<void> {
  const { ca, user, password } = security;
  const options = { ca: readFileSync(ca), auth: `${user}:${password}`, timeout: 5000 };
  const status = await new Promise<number | undefined>((resolve, reject) => {
    get(new URL('/_cluster/health?wait_for_status=yellow&timeout=1s', node), options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).once('error', reject);
  });
  if (status !== 200) throw new Error(`health answered ${status}`);
}

/** @param security TLS on its HTTP port, and one user with what Linefeed needs. */
export async function packagedElasticsearch(
  folder: string,
  say: (text: string) => void,
  security?: StackSecurity,
): Promise<StackServer> {
  const java = findJava(21);
  if (!java) throw new Error('Elasticsearch needs Java 21 or newer (set JAVA_HOME)');
  const home = await elasticsearchHome(say);
  const [port, transport] = (await freePorts(2)) as [number, number];
  const config = join(folder, 'config');
  const temporary = join(folder, 'tmp');
  const root = process.getuid?.() === 0;
  const own = async (path: string) => {
    if (root) await chown(path, UNPRIVILEGED, UNPRIVILEGED);
  };
  for (const path of [folder, config, join(folder, 'data'), join(folder, 'logs'), temporary]) {
    await mkdir(path, { recursive: true });
    await own(path);
  }
  const secured = security ? elasticsearchSecurity(security) : undefined;
  const files: Record<string, string> = {
    'elasticsearch.yml': [
      'discovery.type: single-node',
      ...(secured?.settings ?? ['xpack.security.enabled: false']),
      'network.host: 127.0.0.1',
      `http.port: ${port}`,
      `transport.port: ${transport}`,
      `path.data: ${join(folder, 'data')}`,
      `path.logs: ${join(folder, 'logs')}`,
      // A nearly full disk of a development machine must not make indices read-only.
      'cluster.routing.allocation.disk.threshold_enabled: false',
      '',
    ].join('\n'),
    'jvm.options': JVM_OPTIONS(temporary),
    'log4j2.properties': LOG_OPTIONS,
    ...secured?.files,
    ...(security
      ? {
          'server.pem': await readFile(security.cert, 'utf8'),
          'server.key': await readFile(security.key, 'utf8'),
        }
      : {}),
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(config, name), text);
    await own(join(config, name));
  }
  const logFile = join(folder, 'elasticsearch.log');
  const address = `${security ? 'https' : 'http'}://127.0.0.1:${port}`;
  const server = processServer({
    name: 'Elasticsearch',
    address,
    file: join(home, 'bin/elasticsearch'),
    args: [],
    env: {
      PATH: process.env.PATH,
      LANG: 'C.UTF-8',
      HOME: folder,
      ES_JAVA_HOME: java,
      ES_PATH_CONF: config,
      ES_TMPDIR: temporary,
      // Of the launcher's own JVMs.
      CLI_JAVA_OPTS: `-XX:-UsePerfData -Djava.io.tmpdir=${temporary}`,
    },
    cwd: folder,
    logFile,
    ...(root ? { uid: UNPRIVILEGED } : {}),
    healthy: () => (security ? answersSecurely(address, security) : elasticsearchAnswers(address)),
    startTimeoutMs: 120_000,
  });
  await server.start();
  return server;
}
