/** The page is made once for an installation, before anybody asks, and a first visitor gets what was kept. */
import { globSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pageKey, readPageAssets } from '../../../api/page/page-assets.ts';
import { loadSite, prepareSite, type Site, siteFile } from '../../../api/page/page-site.ts';
import { withFolder } from '../../support/folder.ts';
import { withServer } from '../../support/server.ts';
import { until } from '../../support/within.ts';

const test = suite('the page, kept');

function holds(site: Site): void {
  const { version, html, inline, files } = readPageAssets();
  assert.is(site.version, version);
  assert.is(site.inline, inline);
  assert.equal([...site.files.keys()], [...files.keys()]);
  for (const [name, text] of [['html', html] as const, ...files]) {
    const body = name === 'html' ? site.html : site.files.get(name);
    assert.ok(body, name);
    assert.is(Buffer.from(body.plain).toString(), text, name);
    assert.is(brotliDecompressSync(body.br).toString(), text, `${name}, brotli`);
    assert.is(gunzipSync(body.gzip).toString(), text, `${name}, gzip`);
  }
}

test('another process makes it, and what is read back is the page', () =>
  withFolder(async (folder) => {
    await prepareSite(undefined, folder);
    assert.equal(readdirSync(folder), [siteFile(pageKey())]);
    holds(await loadSite(folder));
  }));

test('what was kept is what is given: nothing is made twice', () =>
  withFolder(async (folder) => {
    await prepareSite(undefined, folder);
    const first = await loadSite(folder);
    const changed = { ...first, version: 'from-disk-00' };
    const { serialize } = await import('node:v8');
    writeFileSync(join(folder, siteFile(pageKey())), serialize(changed));
    await prepareSite(undefined, folder);
    assert.is((await loadSite(folder)).version, 'from-disk-00');
  }));

test('a damaged file, or none and no folder to write to, costs time and not the page', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, siteFile(pageKey())), 'half a pa');
    holds(await loadSite(folder));
    const nowhere = join(folder, siteFile(pageKey()), 'below a file');
    await prepareSite(undefined, nowhere);
    holds(await loadSite(nowhere));
  }));

test('a server that was started has it ready before the first visitor', () =>
  withFolder(async (folder) => {
    const cache = join(folder, 'cache');
    const kept = () => globSync(`*/${siteFile(pageKey())}`, { cwd: cache });
    await withServer(
      join(folder, 'data'),
      async (server) => {
        await until(60_000, async () => kept()[0], 'the page on disk');
        const answer = await fetch(`${server.url}/`);
        assert.match(await answer.text(), readPageAssets().version);
      },
      { env: { NODE_COMPILE_CACHE: cache } },
    );
  }));

test.run();
