/** What the documents name exists: files, folders, links, headings, npm scripts. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('References of documents');
const root = new URL('../..', import.meta.url).pathname;
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const documents = globSync(['README.md', 'CONTRIBUTING.md', 'docs/*.md', 'docs/adr/*.md'], {
  cwd: root,
}).sort();

const FOLDERS =
  'bin|lib|config|events|access|wire|catalogue|keeper|actors|projections|api|server|cli|web|tools|test|deploy|docs';
const PATH = new RegExp(`^(?:${FOLDERS})/[\\w./-]*$`);

/** The words in backticks that are paths from the root of the repository. */
function pathsIn(markdown: string): string[] {
  const code = [...markdown.matchAll(/`([^`\n]+)`/g)].flatMap(([, words = '']) => words.split(' '));
  return code.filter((word) => PATH.test(word) && word !== 'test/a/b.test.ts');
}

/** As GitHub names the anchors of headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('files and folders in backticks exist', () => {
  const found = documents.flatMap((document) => pathsIn(read(document)).map((path) => ({ document, path })));
  assert.ok(found.length > 200, `${found.length} paths`);
  const missing = found.filter(({ path }) => !existsSync(join(root, path)));
  assert.equal(missing, []);
});

test('links lead to a file, and to a heading in it', () => {
  const broken: string[] = [];
  let count = 0;
  for (const document of documents) {
    const text = read(document);
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      count++;
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? document : join(dirname(document), path);
      const isThere = existsSync(join(root, file));
      if (!isThere || (anchor && !anchorsOf(read(file)).includes(anchor)))
        broken.push(`${document}: ${link}`);
    }
  }
  assert.ok(count > 40, `${count} links`);
  assert.equal(broken, []);
});

test('npm scripts that are named exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const missing = documents.flatMap((document) =>
    [...read(document).matchAll(/npm run ([\w:]+)/g)]
      .filter(([, name = '']) => !(name in scripts))
      .map(([text]) => `${document}: ${text}`),
  );
  assert.equal(missing, []);
});

test('docs/architecture.md names every folder with sources', () => {
  const architecture = read('docs/architecture.md');
  const sources = globSync(
    '{bin,lib,config,events,access,wire,catalogue,keeper,actors,projections,api,server,cli,web,tools,test}/**/*.{ts,js,py}',
    { cwd: root, exclude: ['test/fixtures/**', 'actors/runners/python/**'] },
  );
  const folders = [...new Set(sources.map(dirname))].sort();
  assert.ok(folders.length > 60, `${folders.length} folders`);
  const missing = folders
    .filter((folder) => !/^test\/./.test(folder))
    .filter((folder) => !architecture.includes(`\`${folder}/\``));
  assert.equal(missing, []);
});

test.run();
