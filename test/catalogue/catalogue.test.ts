import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRunners } from '../../actors/runners/registry.ts';
import { type Catalogue, createCatalogue } from '../../catalogue/catalogue.ts';
import { loadConfig } from '../../config/config.ts';
import type { ServiceError } from '../../lib/errors.ts';
import { withFolder } from '../support/folder.ts';

const PACKS = fileURLToPath(new URL('../fixtures/packs', import.meta.url));
const test = suite('catalogue');

async function open(...packs: string[]): Promise<Catalogue> {
  const runners = await createRunners({
    config: loadConfig({ LINEFEED_DATA: '/nowhere' }),
    describe: (ref) => catalogue.get(ref),
  });
  const catalogue = createCatalogue({ packs, runners });
  return catalogue;
}

function write(folder: string, path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

async function refusal(work: Promise<unknown>): Promise<ServiceError> {
  try {
    await work;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('it was not refused');
}

const ACTION = (name: string, rest = '') => `name: ${name}\nrunner_type: local-shell-cmd\n${rest}`;

test('the built-in pack has the core actions of StackStorm', async () => {
  const all = await (await open()).list();
  assert.equal(
    all.filter(({ broken }) => broken),
    [],
  );
  const refs = all.map(({ ref }) => ref);
  for (const name of [
    'local',
    'local_sudo',
    'remote',
    'remote_sudo',
    'local_script',
    'remote_script',
    'python',
    'noop',
  ]) {
    assert.ok(refs.includes(`core.${name}`), name);
  }
});

test('packs in the layout of StackStorm are read without errors', async () => {
  const all = await (await open(PACKS)).list();
  assert.equal(
    all.filter(({ broken }) => broken),
    [],
  );
  const refs = all.map(({ ref }) => ref).filter((ref) => !ref.startsWith('core.'));
  assert.equal(refs, [
    'disk.report',
    'disk.usage',
    'fleet.deploy',
    'fleet.whoami',
    'inventory.lookup',
    'inventory.ping',
  ]);
});

test('an action is found by reference and by id', async () => {
  const catalogue = await open();
  const local = await catalogue.get('core.local');
  assert.equal((await catalogue.get(local?.id as string))?.ref, 'core.local');
  assert.is(await catalogue.get('core.nothing'), undefined);
});

test('a broken file is one error with file and line; other actions work', async () => {
  await withFolder(async (folder) => {
    write(folder, 'p/actions/good.yaml', ACTION('good'));
    write(
      folder,
      'p/actions/syntax.yaml',
      'name: syntax\nrunner_type: local-shell-cmd\nparameters:\n  a: [1,\n  b: "x\n',
    );
    write(folder, 'p/actions/runner.yaml', 'name: runner\n\nrunner_type: orquesta\n');
    write(folder, 'p/actions/type.yaml', ACTION('type', 'parameters:\n  a:\n    type: text\n'));
    write(folder, 'p/actions/list.yaml', '- 1\n- 2\n');
    write(folder, 'p/actions/named.yaml', 'name: "../../etc"\nrunner_type: noop\n');
    const catalogue = await open(folder);
    const all = (await catalogue.list()).filter(({ pack }) => pack === 'p');
    const broken = Object.fromEntries(all.map(({ ref, broken: why }) => [ref, why]));
    assert.is(broken['p.good'], undefined);
    assert.match(broken['p.syntax'] as string, /^p\/actions\/syntax\.yaml, line [456]: /);
    assert.match(
      broken['p.runner'] as string,
      /^p\/actions\/runner\.yaml, line 3: unknown runner "orquesta"; the runners here are .*python-script/,
    );
    assert.match(
      broken['p.type'] as string,
      /^p\/actions\/type\.yaml, line 5: parameter 'a' has the type 'text'/,
    );
    assert.match(broken['p.list'] as string, /^p\/actions\/list\.yaml, line 1: an action is an object/);
    assert.match(
      broken['p.named'] as string,
      /^p\/actions\/named\.yaml, line 1: name must consist of letters/,
    );
    const error = await refusal(catalogue.resolve({ action: 'p.runner' }));
    assert.match(error.message, /^Action "p\.runner" cannot be used: p\/actions\/runner\.yaml, line 3/);
    assert.is((await catalogue.resolve({ action: 'p.good', parameters: {} })).action.ref, 'p.good');
  });
});

test('an action with a pattern that RE2 does not support is listed, and refused with a reason', () =>
  withFolder(async (folder) => {
    const parameters = 'parameters:\n  name:\n    type: string\n    pattern: ';
    write(folder, 'p/actions/odd.yaml', ACTION('odd', `${parameters}^(?!root$).+\n`));
    write(folder, 'p/actions/fine.yaml', ACTION('fine', `${parameters}^[a-z]+$\n`));
    const catalogue = await open(folder);
    const refs = (await catalogue.list()).map(({ ref }) => ref);
    assert.ok(refs.includes('p.odd') && refs.includes('p.fine'), refs.join());
    const request = (action: string) => catalogue.resolve({ action, parameters: { name: 'a' } });
    const error = await refusal(request('p.odd'));
    assert.is(error.code, 'invalid-action');
    assert.match(error.message, /p\/actions\/odd\.yaml, line \d+: .*\(\?!.*no look-ahead/);
    assert.equal((await request('p.fine')).parameters.name, 'a');
  }));

test('a default that cannot be rendered is an error with file, line and parameter', () =>
  withFolder(async (folder) => {
    write(folder, 'p/actions/a.yaml', ACTION('a', 'parameters:\n  cmd:\n    default: "{{ nobody }}"\n'));
    const error = await refusal((await open(folder)).resolve({ action: 'p.a', parameters: {} }));
    assert.is(
      error.message,
      "p/actions/a.yaml, line 5: The default of parameter 'cmd' cannot be rendered: 'nobody' is undefined",
    );
    assert.equal(error.errors, [{ path: 'cmd', message: "'nobody' is undefined" }]);
  }));

test('changed, new and deleted files count at the next request', async () => {
  await withFolder(async (folder) => {
    const file = write(folder, 'p/actions/a.yaml', ACTION('a', 'description: old\n'));
    const catalogue = await open(folder);
    assert.is((await catalogue.get('p.a'))?.description, 'old');
    writeFileSync(file, ACTION('a', 'description: new\n'));
    utimesSync(file, new Date(), new Date(Date.now() + 5000));
    assert.is((await catalogue.get('p.a'))?.description, 'new');
    writeFileSync(file, 'name: [');
    assert.match((await catalogue.get('p.a'))?.broken as string, /line 1/);
    writeFileSync(file, ACTION('a', 'description: mended\n'));
    assert.is((await catalogue.get('p.a'))?.description, 'mended');
    write(folder, 'p/actions/b.yaml', ACTION('b'));
    assert.is((await catalogue.get('p.b'))?.ref, 'p.b');
    rmSync(file);
    assert.is(await catalogue.get('p.a'), undefined);
  });
});

test('YAML is read as StackStorm reads it', async () => {
  await withFolder(async (folder) => {
    write(
      folder,
      'p/actions/a.yaml',
      ACTION(
        'a',
        'enabled: no\nparameters:\n  y: { type: string, required: yes }\n  mode: { type: integer, default: 0644 }\n  on_error: { type: boolean, default: off }\n',
      ),
    );
    const action = await (await open(folder)).get('p.a');
    assert.is(action?.enabled, false);
    assert.equal(Object.keys(action?.parameters ?? {}), ['y', 'mode', 'on_error']);
    assert.is(action?.parameters.y?.required, true);
    assert.is(action?.parameters.mode?.default, 0o644);
    assert.is(action?.parameters.on_error?.default, false);
  });
});

test('files outside the packs cannot be reached', async () => {
  await withFolder(async (outside) => {
    write(outside, 'secret.sh', '#!/bin/sh\necho secret\n');
    write(outside, 'actions/out.yaml', ACTION('out'));
    await withFolder(async (folder) => {
      const script = (entry: string) =>
        `name: NAME\nrunner_type: local-shell-script\nentry_point: ${JSON.stringify(entry)}\n`;
      const rows: [string, string][] = [
        ['up', '../../../../../../../../etc/passwd'],
        ['absolute', '/etc/passwd'],
        ['nul', 'x\0y.sh'],
        ['link', 'link.sh'],
        ['linked_folder', 'away/secret.sh'],
        ['folder', 'sub'],
        ['absent', 'absent.sh'],
      ];
      for (const [name, entry] of rows)
        write(folder, `p/actions/${name}.yaml`, script(entry).replace('NAME', name));
      mkdirSync(join(folder, 'p/actions/sub'));
      symlinkSync(join(outside, 'secret.sh'), join(folder, 'p/actions/link.sh'));
      symlinkSync(outside, join(folder, 'p/actions/away'));
      symlinkSync(join(outside, 'actions/out.yaml'), join(folder, 'p/actions/out.yaml'));
      symlinkSync(outside, join(folder, 'linkedpack'));
      const catalogue = await open(folder);
      for (const [name, entry] of rows) {
        const error = await refusal(catalogue.resolve({ action: `p.${name}`, parameters: {} }));
        assert.ok(['invalid-action', 'invalid-pack-file'].includes(error.code), `${entry}: ${error.code}`);
        assert.not.match(error.message, outside);
      }
      assert.match((await catalogue.get('p.out'))?.broken as string, /leads out of the pack/);
      assert.is(
        (await catalogue.list()).some(({ pack }) => pack === 'linkedpack'),
        false,
      );
      assert.is(await catalogue.get('..actions.out'), undefined);
    });
  });
});

test('a pack of the configuration extends a built-in one of the same name, and its actions win', async () => {
  await withFolder(async (folder) => {
    write(folder, 'core/actions/mine.yaml', ACTION('mine'));
    write(folder, 'core/actions/local.yaml', ACTION('local', 'description: mine\n'));
    const catalogue = await open(folder);
    const all = await catalogue.list();
    assert.is(all.find(({ ref }) => ref === 'core.local')?.description, 'mine');
    assert.ok(all.some(({ ref }) => ref === 'core.mine'));
    assert.is(all.filter(({ broken }) => broken).length, 0);
    const echo = await catalogue.resolve({ action: 'core.echo', parameters: { message: 'x' } });
    assert.is(echo.action.entryPoint, 'scripts/echo.sh');
  });
});

test('two files for one action are an error that names both', async () => {
  await withFolder(async (folder) => {
    write(folder, 'p/actions/a.yaml', ACTION('same'));
    write(folder, 'p/actions/b.yaml', ACTION('same'));
    const all = (await (await open(folder)).list()).filter(({ pack }) => pack === 'p');
    assert.is(all.length, 1);
    assert.match(all[0]?.broken as string, /b\.yaml and a\.yaml both describe the action p\.same/);
  });
});

test('a disabled or unknown action and a missing script are refused with the reason', async () => {
  await withFolder(async (folder) => {
    write(folder, 'p/actions/idle.yaml', ACTION('idle', 'enabled: false\n'));
    const catalogue = await open(folder);
    assert.is(
      (await refusal(catalogue.resolve({ action: 'p.idle' }))).message,
      'Unable to execute. Action "p.idle" is disabled.',
    );
    const unknown = await refusal(catalogue.resolve({ action: 'p.none' }));
    assert.is(unknown.code, 'action-not-found');
    assert.is(unknown.message, 'Action "p.none" cannot be found.');
    assert.match(
      (await refusal(catalogue.resolve({ action: 'core.local_script' }))).message,
      /needs a script/,
    );
    assert.match(
      (await refusal(catalogue.resolve({ action: 'core.local', parameters: { cmd: 'x' }, script: 'y' })))
        .message,
      /takes no script/,
    );
  });
});

test('many requests at once share reads of the disk', async () => {
  await withFolder(async (folder) => {
    write(folder, 'p/actions/broken.yaml', 'name: [');
    // Each look at the disk that knows nothing yet warns of the broken file.
    let warnings = 0;
    const runners = await createRunners({
      config: loadConfig({ LINEFEED_DATA: '/nowhere' }),
      describe: (ref) => catalogue.get(ref),
    });
    const logger = { warn: () => void warnings++ };
    const catalogue: Catalogue = createCatalogue({ packs: [PACKS, folder], runners, logger });
    const found = await Promise.all(Array.from({ length: 300 }, () => catalogue.get('disk.usage')));
    assert.ok(found.every((action) => action?.ref === 'disk.usage'));
    assert.ok(warnings >= 1 && warnings <= 2, `read ${warnings} times`);
  });
});

test.run();
