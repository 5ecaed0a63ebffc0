/** Joined modules mean what the modules meant, and what cannot be joined is refused; the page's own modules can be. */
import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linkModules } from '../../../api/page/link-modules.ts';
import { readPageAssets } from '../../../api/page/page-assets.ts';

const test = suite('joining modules');

/** Runs modules, joined from `main`, and gives what they told. */
function run(modules: Record<string, string>): string[] {
  const script = linkModules('main', {
    read: (name) => modules[name] ?? `throw new Error('no module ${name}')`,
    resolve: (specifier) => specifier.replace('./', ''),
  });
  const told: string[] = [];
  runInNewContext(script, { tell: (text: unknown) => told.push(String(text)) });
  return told;
}

test('each module runs once, in the order of imports, and keeps its own names', () => {
  assert.equal(
    run({
      main: `import { a } from './a';\nimport {\n  b as other,\n  twice,\n} from './b';\nimport './c';\nconst x = 1;\ntell(a() + other + twice(x));`,
      a: `import { shared } from './shared';\ntell('a');\nconst x = 'xa';\nexport function a() { return x + shared.n; }`,
      b: `import { shared } from './shared';\ntell('b');\nconst x = 'xb';\nconst hidden = x;\nexport const b = 'b';\nexport { hidden as twice2 };\nexport async function later() {}\nexport class Thing {}\nexport function twice(n) { shared.n += n; return hidden + n * 2; }`,
      c: `import { shared } from './shared';\ntell('c' + shared.n);\nexport {};`,
      shared: `tell('shared');\nexport const shared = { n: 5 };`,
    }),
    ['shared', 'a', 'b', 'c5', 'xa5bxb2'],
  );
});

test('minified modules are joined too', () => {
  assert.equal(
    run({
      main: `import{options as n,h as k}from"lib";tell(n.x+k());`,
      lib: `var a={x:1},b=function(){return"import{x}from"};export{a as options,b as h};`,
    }),
    ['1import{x}from'],
  );
});

test('what it does not understand is an error that names the module', () => {
  for (const body of [
    'export default 1;',
    'export let changing = 1;',
    "export * from './b';",
    "const later = () => import('../b');",
  ]) {
    assert.throws(() => run({ main: "import { a } from './a';", a: body, b: '' }), /^a cannot be joined/);
  }
  assert.throws(() => run({ main: "import './a';", a: "import './main';" }), /main -> a -> main/);
});

test('the page is one script without imports and a short one in the document; its address changes with its content', () => {
  const { files, html, version, inline } = readPageAssets();
  assert.equal([...files.keys()], ['app.js', 'style.css', 'icon.svg']);
  assert.not.match(files.get('app.js') ?? '', /^\s*(import|export)\b/m);
  for (const name of files.keys()) assert.match(html, `/assets/${version}/${name}`);
  const [, early = ''] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
  assert.ok(early.length > 100 && early.length < 2000, `${early.length} characters`);
  assert.is(inline, `'sha256-${createHash('sha256').update(early).digest('base64')}'`);
  assert.match(version, /^[\w-]{12}$/);
  assert.is(readPageAssets().version, version);
});

test.run();
