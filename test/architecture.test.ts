/** The import table of the README, the length of files, and that every suite is run. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('Architecture');
const root = new URL('..', import.meta.url).pathname;
const MAX_LINES = 400;

const sources = globSync('{events,actors,projections,api,cli,web}/**/*.ts', { cwd: root }).sort();

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

const ours = (path: string) => path.endsWith('.ts');
const adapter = (path: string) =>
  /^(events\/(sqlite|kafka)|projections\/(sqlite|elasticsearch))\//.exec(path)?.[1];

const RULES: { who: RegExp; allowed: (target: Import) => boolean }[] = [
  { who: /^events\//, allowed: ({ to }) => to.startsWith('events/') },
  {
    who: /^actors\//,
    allowed: ({ to, typeOnly }) => /^(events|actors)\//.test(to) || (to === 'config.ts' && typeOnly),
  },
  {
    who: /^projections\//,
    allowed: ({ to, typeOnly }) => /^(events|projections)\//.test(to) || (to === 'config.ts' && typeOnly),
  },
  {
    who: /^api\//,
    allowed: ({ to, typeOnly }) =>
      /^(events|projections|api)\//.test(to) || (typeOnly && /^(actors\/|config\.ts)/.test(to)),
  },
  { who: /^cli\//, allowed: ({ to }) => /^(cli|events|config)\b/.test(to) || to === 'main.ts' },
  { who: /^web\//, allowed: ({ to }) => to.startsWith('web/') },
];

test('imports point one way', () => {
  const imports = sources.flatMap(importsOf).filter(({ to }) => ours(to));
  assert.ok(
    sources.length > 100 && imports.length > 400,
    `${sources.length} files, ${imports.length} imports`,
  );
  const wrong = imports
    .filter((target) => RULES.some(({ who, allowed }) => who.test(target.from) && !allowed(target)))
    .map(({ from, to, typeOnly }) => `${from} imports ${typeOnly ? 'type ' : ''}${to}`);
  assert.equal(wrong, []);
});

test('adapters are known to themselves alone', () => {
  const wrong = sources
    .flatMap(importsOf)
    .filter(({ from, to }) => adapter(to) !== undefined && adapter(to) !== adapter(from))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.equal(wrong, []);
});

test('the clients of the big engines are loaded only by their adapters', () => {
  const homes: Record<string, RegExp> = {
    kafkajs: /^events\/kafka\//,
    '@elastic/elasticsearch': /^projections\/elasticsearch\//,
    ssh2: /^actors\/runners\/remote/,
    'node:sqlite': /\/sqlite\/|^events\/database\.ts$/,
  };
  const wrong = sources
    .flatMap(importsOf)
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

test('every suite is run', () => {
  const idle = globSync('test/**/*.test.ts', { cwd: root }).filter((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const suites = [...text.matchAll(/const (\w+) = suite[(<]/g)].map((match) => match[1]);
    return suites.some((name) => !text.includes(`${name}.run()`));
  });
  assert.equal(idle, []);
});

test.run();
