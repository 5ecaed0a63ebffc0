/** Which room may import which, no circles, the length of files, and that every suite is run. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('Architecture');
const root = new URL('..', import.meta.url).pathname;
const MAX_LINES = 400;

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

test('files are short enough to be read', () => {
  const long = sources
    .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ file, lines }) => `${file}: ${lines}`);
  assert.equal(long, []);
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
