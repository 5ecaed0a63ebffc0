/** A checkout builds its page once, keeps it, and says why when it cannot. */
import { appendFileSync, existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageFiles } from '../../../api/page/page-files.ts';
import { checkoutPage, pageKey } from '../../../api/page/page-source.ts';
import { buildPage } from '../../../tools/build/page.ts';
import { withFolder } from '../../support/folder.ts';
import { withServer } from '../../support/server.ts';
import { until } from '../../support/within.ts';

const test = suite('source of the page');

/** Node options under which a package seems not to be installed. */
function without(name: string): string {
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ resolve(specifier, context, next) {
      return next(specifier === '${name}' ? 'not-installed' : specifier, context);
    } });`;
  return `--import=data:text/javascript,${encodeURIComponent(hook)}`;
}

function assertBuilt(page: PageFiles, folder: string): void {
  const manifest = JSON.parse(readFileSync(join(folder, 'page.json'), 'utf8'));
  assert.equal([page.version, page.inlineHash], [manifest.version, manifest.inlineHash]);
  assert.equal([...page.assets.keys()], manifest.assets);
  for (const [name, body] of [['index.html', page.html] as const, ...page.assets]) {
    const file = join(folder, name);
    assert.ok(readFileSync(file).equals(body.plain), name);
    assert.ok(readFileSync(`${file}.br`).equals(body.br), `${name}, brotli`);
    assert.ok(readFileSync(`${file}.gz`).equals(body.gzip), `${name}, gzip`);
  }
}

test('builds the page and keeps it', () =>
  withFolder(async (folder) => {
    const [cache, built] = [join(folder, 'cache'), join(folder, 'built')];
    const page = await checkoutPage(cache).load();
    await buildPage(built);
    assertBuilt(page, built);
    assert.equal(readdirSync(cache), [`page-${pageKey()}`]);
    assertBuilt(await checkoutPage(cache).load(), built);
  }));

test('takes the page that was kept and does not build it again', () =>
  withFolder(async (folder) => {
    await checkoutPage(folder).load();
    appendFileSync(join(folder, `page-${pageKey()}`, 'app.js'), '// kept');
    const { assets } = await checkoutPage(folder).load();
    assert.match(Buffer.from(assets.get('app.js')?.plain ?? []).toString(), /\/\/ kept$/);
  }));

test('replaces a damaged page', () =>
  withFolder(async (folder) => {
    const first = await checkoutPage(folder).load();
    writeFileSync(join(folder, `page-${pageKey()}`, 'page.json'), '{"version":');
    assert.is((await checkoutPage(folder).load()).version, first.version);
    assert.equal(readdirSync(folder), [`page-${pageKey()}`]);
    assertBuilt(first, join(folder, `page-${pageKey()}`));
  }));

test('builds the page each time where nothing can be kept', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), '');
    const [here, nowhere] = [await checkoutPage(folder).load(), join(folder, 'file', 'below')];
    assert.is((await checkoutPage(nowhere).load()).version, here.version);
    assert.is((await checkoutPage(undefined).load()).version, here.version);
  }));

test('removes the oldest of many pages', () =>
  withFolder(async (folder) => {
    for (let n = 0; n < 6; n += 1) writeFileSync(join(folder, `page-old-${n}`), '');
    await checkoutPage(folder).load();
    const left = readdirSync(folder);
    assert.is(left.length, 4, left.join());
    assert.ok(left.includes(`page-${pageKey()}`), left.join());
  }));

test('a server that has started has the page ready before the first visitor', () =>
  withFolder(async (folder) => {
    const cache = join(folder, 'cache');
    const kept = () => globSync(`*/page-${pageKey()}`, { cwd: cache });
    await withServer(
      join(folder, 'data'),
      async (server) => {
        await until(60_000, async () => kept()[0], 'the page on disk');
        const manifest = readFileSync(join(cache, kept()[0] as string, 'page.json'), 'utf8');
        const answer = await fetch(`${server.url}/`);
        assert.match(await answer.text(), JSON.parse(manifest).version);
      },
      { env: { NODE_COMPILE_CACHE: cache } },
    );
  }));

test('a server without esbuild says how to get the page, and serves everything else', () =>
  withFolder(async (folder) => {
    const cache = join(folder, 'cache');
    await withServer(
      join(folder, 'data'),
      async (server) => {
        const answer = await fetch(`${server.url}/`);
        assert.is(answer.status, 503);
        assert.match(await answer.text(), /esbuild is not installed.*npm ci.*without --omit=dev/s);
        assert.is((await server.fetch('/v1/executions')).status, 200);
      },
      { env: { NODE_COMPILE_CACHE: cache, NODE_OPTIONS: without('esbuild') } },
    );
    assert.equal(existsSync(cache) ? globSync('*/page-*', { cwd: cache }) : [], []);
  }));

test.run();
