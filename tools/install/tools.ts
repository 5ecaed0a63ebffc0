/**
 * The programs that the tests use and a bare Debian lacks: how to tell that one is there, and what brings it. A test file
 * names what it needs with `@needs NAME` in a comment (see test/runner/needs.ts).
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { dockerAnswers } from '../stack/containers.ts';
import { elasticsearchHome, findJava, haveStackPackages, kafkaJars } from '../stack/packages.ts';
import { installPythonProgram, pythonProgram } from './python-program.ts';

export interface Tool {
  /** Tells that nothing has to be done; fast. */
  present(): boolean | Promise<boolean>;
  /** Debian packages that bring it. */
  packages?: readonly string[];
  /** Brings what is not a Debian package, once the packages of all tools are there. */
  install?(say: (text: string) => void): Promise<unknown>;
  /** What to do by hand where it cannot be installed. */
  byHand?: string;
}

export const CHROMIUM = process.env.LINEFEED_CHROMIUM ?? '/usr/bin/chromium';
export const ST2 = { name: 'st2client', version: '3.9.0', program: 'st2' };
export const SCHEMATHESIS = { name: 'schemathesis', version: '4.32.5', program: 'schemathesis' };

/** The path of a program in PATH or in the folders of programs for root; undefined when there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The library that sets the clock of a program; undefined when it is not installed. */
export function faketimeLibrary(): string | undefined {
  return globSync('/usr/lib/{*/,}faketime/libfaketimeMT.so.1')[0];
}

const isRoot = () => process.getuid?.() === 0;

function mayUnshare(): boolean {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const program = (name: string, ...packages: string[]): Tool => ({
  present: () => findProgram(name) !== undefined,
  packages,
});

const pythonTool = (what: typeof ST2): Tool => ({
  present: () => pythonProgram(what) !== undefined,
  packages: ['python3', 'python3-venv'],
  install: (say) => installPythonProgram(what, say),
});

/** Servers that run elsewhere; see tools/stack/stack.ts. */
const isConfigured = () =>
  Boolean(process.env.LINEFEED_KAFKA_BROKERS && process.env.LINEFEED_ELASTICSEARCH_NODE);

/** Newest first. Elasticsearch needs 21. */
const DEBIAN_JAVA = ['openjdk-25-jre-headless', 'openjdk-21-jre-headless'];

export const TOOLS: Readonly<Record<string, Tool>> = {
  python: program('python3', 'python3'),
  openssl: program('openssl', 'openssl'),
  compiler: { present: () => findProgram('cc') !== undefined, packages: ['gcc', 'libc6-dev'] },
  ssh: {
    present: () => ['sshd', 'ssh-keygen', 'ssh-agent'].every((name) => findProgram(name) !== undefined),
    packages: ['openssh-server', 'openssh-client'],
  },
  sudo: program('sudo', 'sudo'),
  kcat: program('kcat', 'kcat'),
  systemd: program('systemd-analyze', 'systemd'),
  faketime: { present: () => faketimeLibrary() !== undefined, packages: ['faketime'] },
  chromium: {
    present: () => existsSync(CHROMIUM),
    packages: ['chromium', 'fonts-dejavu-core'],
    byHand: 'install Chromium and set LINEFEED_CHROMIUM to its path',
  },
  st2: pythonTool(ST2),
  schemathesis: pythonTool(SCHEMATHESIS),
  stack: {
    present: async () =>
      isConfigured() || (findJava(21) !== undefined && haveStackPackages()) || (await dockerAnswers()),
    get packages() {
      const maven = haveStackPackages() ? [] : ['maven', 'unzip'];
      return findJava(21) ? maven : [...maven, DEBIAN_JAVA.join('|')];
    },
    async install(say) {
      if (!findJava(21)) throw new Error('Elasticsearch needs Java 21 or newer');
      await kafkaJars(say);
      await elasticsearchHome(say);
    },
    byHand: 'install a Java 21 or newer and set JAVA_HOME',
  },
  root: { present: isRoot, byHand: 'run the tests as root' },
  'mount-namespace': {
    present: () => isRoot() && mayUnshare(),
    byHand: 'run the tests as root where `unshare -m` is allowed',
  },
};
