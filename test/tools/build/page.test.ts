/** The bundle of the page: complete, small, and under an address that its content decides. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPage } from '../../../tools/build/page.ts';
import { withFolder } from '../../support/folder.ts';

const test = suite('build of the page');

/** Compressed bytes of everything that a first visit loads. */
const MAX_BYTES = 90_000;

const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8');

test('is one script without imports and a short one in the document', () =>
  withFolder(async (folder) => {
    await buildPage(folder);
    const { version, inlineHash, assets } = JSON.parse(read(folder, 'page.json'));
    assert.equal(assets, ['app.js', 'style.css', 'icon.svg']);
    const app = read(folder, 'app.js');
    new Script(app, { filename: 'app.js' });
    assert.not.match(app, /\bimport\s*[("'{]/);
    assert.match(app, 'last-event-id');
    assert.match(app, 'Page not found');
    const html = read(folder, 'index.html');
    for (const name of assets) assert.match(html, `/assets/${version}/${name}`);
    const [, early = ''] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
    assert.ok(early.length > 100 && early.length < 2000, `${early.length} characters`);
    assert.is(inlineHash, `sha256-${createHash('sha256').update(early).digest('base64')}`);
  }));

test('is compressed, and small', () =>
  withFolder(async (folder) => {
    await buildPage(folder);
    let bytes = 0;
    for (const name of ['index.html', 'app.js', 'style.css', 'icon.svg']) {
      const plain = read(folder, name);
      assert.is(brotliDecompressSync(readFileSync(join(folder, `${name}.br`))).toString(), plain, name);
      assert.is(gunzipSync(readFileSync(join(folder, `${name}.gz`))).toString(), plain, name);
      bytes += statSync(join(folder, `${name}.gz`)).size;
    }
    assert.ok(bytes > 20_000 && bytes < MAX_BYTES, `${bytes} bytes`);
  }));

test('gives the same page for the same sources', () =>
  withFolder(async (folder) => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    await buildPage(first);
    await buildPage(second);
    for (const name of readdirSync(first)) assert.equal(read(first, name), read(second, name), name);
    assert.match(JSON.parse(read(first, 'page.json')).version, /^[\w-]{12}$/);
  }));

test('contains the licences of the packages in it', () =>
  withFolder(async (folder) => {
    await buildPage(folder);
    assert.match(read(folder, 'licences.txt'), /^preact\n[\s\S]*The MIT License[\s\S]*Copyright/);
  }));

test.run();
