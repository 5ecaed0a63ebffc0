/**
 * Kafka and Elasticsearch from Maven packages, and a Java to run them, for machines without a container engine.
 * Downloads go to $LINEFEED_CACHE (default ~/.cache/linefeed) once.
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const KAFKA_VERSION = '4.1.0';
export const ELASTICSEARCH_VERSION = '9.5.0';

export function cacheFolder(): string {
  return process.env.LINEFEED_CACHE ?? join(homedir(), '.cache', 'linefeed');
}

/** The `java` home of at least `major`, from JAVA_HOME and the system's JVM folders; undefined when there is none. */
export function findJava(major: number): string | undefined {
  const homes = [process.env.JAVA_HOME ?? ''];
  for (const folder of ['/usr/lib/jvm', '/Library/Java/JavaVirtualMachines', '/opt/java']) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder))
      homes.push(join(folder, name), join(folder, name, 'Contents/Home'));
  }
  const found = homes.flatMap((home) => {
    if (!home || !existsSync(join(home, 'bin/java')) || !existsSync(join(home, 'release'))) return [];
    const version = /JAVA_VERSION="(\d+)/.exec(readFileSync(join(home, 'release'), 'utf8'));
    return version && Number(version[1]) >= major ? [{ home, version: Number(version[1]) }] : [];
  });
  return (
    found.find((java) => java.home === process.env.JAVA_HOME) ??
    found.sort((a, b) => b.version - a.version)[0]
  )?.home;
}

async function maven(args: string[], folder: string, what: string): Promise<void> {
  try {
    await run('mvn', ['-q', '-B', ...args], { cwd: folder, timeout: 300_000 });
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(
      missing
        ? `${what} must be downloaded with Maven, which is not installed (Debian: apt-get install maven)`
        : `Maven could not download ${what}: ${(cause as Error).message.slice(0, 500)}`,
      { cause },
    );
  }
}

/** Fills `target` through `fill(temporary folder)`, so that it is there completely or not at all. */
async function once(target: string, fill: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(target)) return target;
  mkdirSync(join(target, '..'), { recursive: true });
  const folder = mkdtempSync(`${target}-`);
  try {
    await fill(folder);
    chmodSync(folder, 0o755);
    if (!existsSync(target)) renameSync(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return target;
}

const kafkaHome = () => join(cacheFolder(), `kafka-jars-${KAFKA_VERSION}`);
const elasticsearchName = `elasticsearch-${ELASTICSEARCH_VERSION}`;

/** Whether both were downloaded and unpacked before. */
export function haveStackPackages(): boolean {
  return existsSync(kafkaHome()) && existsSync(join(publicFolder(), elasticsearchName));
}

/** The folder of Kafka's jars. */
export async function kafkaJars(say: (text: string) => void): Promise<string> {
  const home = await once(kafkaHome(), async (folder) => {
    say(`downloading Kafka ${KAFKA_VERSION} with Maven (43 MB, once)`);
    await writeFile(
      join(folder, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>linefeed</groupId><artifactId>kafka</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version>
</dependency></dependencies></project>`,
    );
    await maven(
      ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib'],
      folder,
      'Kafka',
    );
  });
  return join(home, 'lib');
}

/**
 * Where Elasticsearch's programs and data lie. It refuses to run as root, so for root this is outside of root's own
 * home, where an unprivileged user can read; and not below /tmp, which its entitlement checks refuse.
 */
export function publicFolder(): string {
  return process.getuid?.() === 0 ? '/var/cache/linefeed' : cacheFolder();
}

/** The home folder of Elasticsearch, unpacked. */
export async function elasticsearchHome(say: (text: string) => void): Promise<string> {
  const name = elasticsearchName;
  const zip = join(cacheFolder(), name, `${name}.zip`);
  if (!existsSync(zip)) {
    say(`downloading Elasticsearch ${ELASTICSEARCH_VERSION} with Maven (130 MB, once)`);
    mkdirSync(join(cacheFolder(), name), { recursive: true });
    const artifact = `org.elasticsearch.distribution.integ-test-zip:elasticsearch:${ELASTICSEARCH_VERSION}:zip`;
    await maven(
      ['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${join(cacheFolder(), name)}`],
      tmpdir(),
      'Elasticsearch',
    );
  }
  const unpacked = await once(join(publicFolder(), name), async (folder) => {
    say('unpacking Elasticsearch');
    await run('unzip', ['-q', zip, '-d', folder]).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause;
      return run(join(findJava(21) ?? '/usr', 'bin/jar'), ['xf', zip], { cwd: folder });
    });
  });
  return join(unpacked, name);
}
