/** Which room may import which, no circles, the length of files and functions, no dead exports, and that every suite is run. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('Architecture');
const root = new URL('..', import.meta.url).pathname;
const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 80;

/** Longer functions, and why. Do not add one because it is easier; delete one that became shorter. */
const LONG_FUNCTIONS: Record<string, string> = {
  'access/kafka/key-store.ts kafkaKeyStore': 'its parts share the state of one subscription',
  'actors/capture/chunker.ts createChunker': 'its parts share the buffer of one stream',
  'actors/capture/spool-reader.ts openSpoolReader': 'its parts share the state of one spool',
  'actors/runners/remote/run-host.ts runHost': 'its parts share the state of one SSH connection',
  'events/recorder.ts createRecorder': 'its parts share the state of one history',
  'keeper/keeper.ts openKeeper': 'its parts share the state of one process',
  'keeper/kept-execution.ts keepExecution': 'its parts share the state of one execution',
  'keeper/streams.ts openStreams': 'its parts share the state of one execution',
  'projections/retention/retention.ts startRetention': 'its parts share the state of one loop',
  'projections/sqlite/output-index.ts sqliteOutputIndex': 'mostly a table: the methods of the port',
};

/** Rooms from the ground up: what each may import of ours besides itself. `type:` allows types only. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  lib: [],
  config: ['lib'],
  events: ['lib'],
  access: ['lib', 'events', 'type:config'],
  wire: ['lib', 'events', 'access'],
  catalogue: ['lib', 'events', 'type:config'],
  keeper: [],
  actors: ['lib', 'events', 'access', 'catalogue', 'keeper', 'type:config'],
  projections: ['lib', 'events', 'type:config'],
  api: ['lib', 'events', 'access', 'wire', 'projections', 'type:config', 'type:catalogue', 'type:actors'],
  server: ['lib', 'config', 'events', 'access', 'catalogue', 'actors', 'projections', 'api'],
  cli: ['lib', 'config', 'events', 'type:wire', 'server'],
  web: ['type:wire'],
};

const sources = globSync(`{${Object.keys(MAY_IMPORT).join()}}/**/*.ts`, { cwd: root }).sort();

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm);
  const dynamic = text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g);
  const all = [...found].map((match) => ({ typeOnly: match[1] !== undefined, to: match[2] as string }));
  all.push(...[...dynamic].map((match) => ({ typeOnly: false, to: match[1] as string })));
  return all.map(({ to, typeOnly }) => ({
    from: file,
    to: to.startsWith('.') ? relative(root, join(root, dirname(file), to)) : to,
    typeOnly,
  }));
}

const imports = sources.flatMap(importsOf);
const ours = imports.filter(({ to }) => to.endsWith('.ts'));
const house = (path: string) => path.split('/')[0] as string;
/** The folder of a file; a file that lies directly in a top folder is a room of its own. */
const room = (path: string) => (path.split('/').length > 2 ? dirname(path) : path);

/** Groups of names that reach each other (Tarjan). */
function circles(edges: readonly { from: string; to: string }[]): string[][] {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) next.set(from, (next.get(from) ?? new Set()).add(to));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const groups: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node) as number);
    stack.push(node);
    for (const other of next.get(node) ?? []) {
      if (!index.has(other)) visit(other);
      if (stack.includes(other)) low.set(node, Math.min(low.get(node) as number, low.get(other) as number));
    }
    if (low.get(node) !== index.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1) groups.push(group.sort());
  };
  for (const node of next.keys()) if (!index.has(node)) visit(node);
  return groups;
}

test('imports point one way', () => {
  assert.ok(sources.length > 250 && ours.length > 800, `${sources.length} files, ${ours.length} imports`);
  const wrong = ours
    .filter(({ from, to, typeOnly }) => {
      if (house(from) === house(to)) return false;
      const allowed = MAY_IMPORT[house(from)] ?? [];
      return !allowed.includes(house(to)) && !(typeOnly && allowed.includes(`type:${house(to)}`));
    })
    .map(({ from, to, typeOnly }) => `${from} imports ${typeOnly ? 'type ' : ''}${to}`);
  assert.equal(wrong, []);
});

test('no file imports itself through others, types included', () => {
  assert.equal(circles(ours), []);
});

test('no room imports itself through others, types included', () => {
  const between = ours
    .map(({ from, to }) => ({ from: room(from), to: room(to) }))
    .filter(({ from, to }) => from !== to);
  assert.equal(circles(between), []);
});

test('adapters are known only to themselves and where a server is composed', () => {
  const adapter = (path: string) =>
    /^((?:events|access)\/kafka|(?:events|projections)\/sqlite|projections\/elasticsearch)\//.exec(path)?.[1];
  const wrong = ours
    .filter(({ from, to }) => adapter(to) && adapter(to) !== adapter(from) && house(from) !== 'server')
    .filter(({ from, to }) => !(adapter(from) === 'access/kafka' && adapter(to) === 'events/kafka'))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.equal(wrong, []);
});

test('the clients of the big engines are loaded only by their adapters', () => {
  const homes: Record<string, RegExp> = {
    kafkajs: /^events\/kafka\//,
    '@elastic/elasticsearch': /^projections\/elasticsearch\//,
    ssh2: /^actors\/runners\/remote/,
    'node:sqlite': /\/sqlite\/|^lib\/(?:database|file-lock)\.ts$/,
  };
  const wrong = imports
    .filter(({ from, to }) => homes[to] && !homes[to].test(from))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.equal(wrong, []);
});

const textOf = new Map(sources.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

test('files are short, or say at their head why not: `@long reason`', () => {
  const long = sources
    .map((file) => ({ file, text: textOf.get(file) as string }))
    .map(({ file, text }) => ({ file, text, lines: text.trimEnd().split('\n').length }))
    .filter(({ text, lines }) => lines > MAX_FILE_LINES && !/@long \w/.test(text.split('*/')[0] as string))
    .map(({ file, lines }) => `${file}: ${lines}`);
  assert.equal(long, []);
});

/** The last line of a signature, as Biome formats it. Control statements and object literals look different. */
const OPENS_BODY = [
  /=> \{$/,
  /\bfunction\b.*\{$/,
  /^\s*(?:async )?\*?(?:get |set )?\[?[\w.]+\]?\(.*\).* \{$/,
  /^\s*\)(?:: .*)? \{$/,
  /^\s*[}\]].*\)(?:: .*)? \{$/,
];
const CONTROL = /^\s*(?:\} )?(?:if|for|while|switch|catch|else|do|try)\b/;
const indentOf = (line: string) => line.length - line.trimStart().length;

/** The functions of a file, from the first line of the signature to the closing brace. */
function functionsOf(text: string): { name: string; lines: number }[] {
  const lines = text.split('\n');
  return lines.flatMap((line, at) => {
    if (CONTROL.test(line) || !OPENS_BODY.some((pattern) => pattern.test(line))) return [];
    const closing = `${' '.repeat(indentOf(line))}}`;
    const end = lines.findIndex((other, index) => index > at && other.startsWith(closing));
    let start = at;
    if (/^\s*[)}\]]/.test(line)) {
      do start -= 1;
      while (indentOf(lines[start] as string) > indentOf(line));
    }
    const first = lines[start] as string;
    return { name: /(?:function\*?|const) (\w+)/.exec(first)?.[1] ?? first.trim(), lines: end - start + 1 };
  });
}

test('functions fit on a screen, but for those that are listed', () => {
  const all = sources.flatMap((file) =>
    functionsOf(textOf.get(file) as string).map((each) => ({ ...each, name: `${file} ${each.name}` })),
  );
  assert.ok(all.length > 2000, `${all.length} functions`);
  const long = all.filter(({ lines }) => lines > MAX_FUNCTION_LINES).map(({ name }) => name);
  assert.equal([...new Set(long)].sort(), Object.keys(LONG_FUNCTIONS).sort());
});

test('exports are used by another file', () => {
  const users = globSync('{test,tools,bin}/**/*.{ts,tsx,js}', { cwd: root });
  const filesWith = new Map<string, number>();
  for (const file of [...sources, ...users]) {
    const text = textOf.get(file) ?? readFileSync(join(root, file), 'utf8');
    const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    for (const word of new Set(code.match(/[\w$]+/g))) filesWith.set(word, (filesWith.get(word) ?? 0) + 1);
  }
  const dead = sources.flatMap((file) => {
    const text = textOf.get(file) as string;
    return [...text.matchAll(/^export (?:async )?(?:type|interface|const|let|function\*?|class) (\w+)/gm)]
      .filter((match) => filesWith.get(match[1] as string) === 1)
      .map((match) => `${file} ${match[1]}`);
  });
  assert.equal(dead, []);
});

test('no source file lies at the root', () => {
  assert.equal(globSync('*.{ts,js}', { cwd: root }), []);
});

test('every suite is run', () => {
  const idle = globSync('test/**/*.test.ts', { cwd: root }).filter((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const suites = [...text.matchAll(/const (\w+) = suite[(<]/g)].map((match) => match[1]);
    return suites.some((name) => !text.includes(`${name}.run()`));
  });
  assert.equal(idle, []);
});

test.run();
