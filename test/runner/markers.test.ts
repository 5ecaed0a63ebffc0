import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TOOLS } from '../../tools/install/tools.ts';
import { withFolder } from '../support/folder.ts';
import { filesOf, LANES, laneOf } from './lanes.ts';
import { markersOf } from './markers.ts';

const test = suite('test runner: markers and lanes');

test('the name and the folder tell the lane', () => {
  const rows: Record<string, string> = {
    'test/api/keys.test.ts': 'unit',
    'test/stack/deploy.test.ts': 'unit',
    'test/web/log.int.test.ts': 'int',
    'test/stack/roles.int.test.ts': 'stack',
    'test/events/kafka/event-log.int.test.ts': 'stack',
    'test/stack/outages.faults.test.ts': 'faults',
  };
  for (const [file, lane] of Object.entries(rows)) assert.is(laneOf(file), lane, file);
});

test('a file needs what its helpers need; only its own word makes it run alone', () =>
  withFolder(async (folder) => {
    const test = join(folder, 'test');
    mkdirSync(join(test, 'support'), { recursive: true });
    const write = (name: string, text: string) => writeFileSync(join(test, name), text);
    write('support/deep.ts', '/** A helper. @needs sudo python */\n');
    write('support/helper.ts', "/**\n * @needs ssh\n * @alone it is a helper\n */\nimport './deep.ts';\n");
    write('a.test.ts', "import {\n  x,\n} from './support/helper.ts';\n");
    write('b.test.ts', "/**\n * @alone it measures\n */\nconst text = '@needs kcat';\n");
    write('c.test.ts', "await load(() => import('./a.test.ts'));\n");
    assert.equal(markersOf(join(test, 'a.test.ts')), { needs: ['python', 'ssh', 'sudo'], alone: false });
    assert.equal(markersOf(join(test, 'b.test.ts')), { needs: [], alone: true });
    assert.equal(markersOf(join(test, 'c.test.ts')).needs, ['python', 'ssh', 'sudo']);
  }));

test('every tool that a file of ours needs is known', () => {
  const files = filesOf(LANES, []);
  const needs = new Set(files.flatMap((file) => markersOf(file).needs));
  assert.ok(needs.size > 8, [...needs].join());
  for (const name of needs) assert.ok(Object.hasOwn(TOOLS, name), name);
  assert.ok(files.some((file) => markersOf(file).alone));
});

test.run();
