/** What the deployment files start, started: the same roles with the same variables, and the commands in the files. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, parseAllDocuments } from 'yaml';
import { withFolder } from '../support/folder.ts';
import { withNodes } from '../support/nodes.ts';
import { sharedStack } from '../support/stack.ts';

const test = suite('Deployment files, run');
const run = promisify(execFile);
const read = (name: string) => readFile(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');

const stack = await sharedStack();

test('the roles of compose.yaml run a command, and the health checks of the files answer for themselves', async () => {
  const { services } = parse(await read('compose.yaml'), { merge: true });
  const specs = ['projector', 'worker', 'api'].map((name) => {
    const { environment } = services[name];
    assert.is(environment.LINEFEED_KAFKA_BROKERS, 'kafka:9092');
    const {
      LINEFEED_KAFKA_BROKERS: _kafka,
      LINEFEED_ELASTICSEARCH_NODE: _node,
      LINEFEED_SEAL_KEY: _key,
      ...env
    } = environment;
    return { name, env };
  });
  await withNodes(stack, specs, async (nodes) => {
    const id = await nodes.node('api').run('echo from compose');
    const done = await nodes.node('api').ended(id, 60_000);
    assert.equal([done.status, done.worker], ['succeeded', 'worker-1']);

    const dockerfile = await read('Dockerfile');
    const check = /^HEALTHCHECK .*? CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '';
    const [, ...args] = JSON.parse(check.replace(':9101', `:${nodes.node('api').port}`)) as string[];
    await run(process.execPath, args);
    await nodes.node('api').kill();
    const code = await run(process.execPath, args).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
    assert.is(code, 1, 'a server that is gone is not healthy');
  });
  const [kind, line] = services.elasticsearch.healthcheck.test as string[];
  assert.is(kind, 'CMD-SHELL');
  await run('sh', ['-c', (line ?? '').replace('http://localhost:9200', stack.elasticsearch.address)]);
});

test('the token of the Kubernetes secret becomes the token of the API nodes', () =>
  withFolder(async (folder) => {
    const objects = parseAllDocuments(await read('kubernetes.yaml')).map((document) => document.toJS());
    const [token] = objects.find(({ metadata }) => metadata.name === 'linefeed-api').spec.template.spec
      .initContainers;
    const [data, secret] = [join(folder, 'data'), join(folder, 'secret')];
    await mkdir(data);
    await mkdir(secret);
    await writeFile(join(secret, 'token'), `${'5e'.repeat(24)}\n`);
    const [shell, flag, line] = token.command as string[];
    const here = (line ?? '').replace('/secret/', `${secret}/`).replace('/var/lib/linefeed/', `${data}/`);
    await run(shell as string, [flag as string, here]);
    assert.is((await readFile(join(data, 'token'), 'utf8')).trim(), '5e'.repeat(24));
    assert.is((await stat(join(data, 'token'))).mode & 0o777, 0o600);
  }));

test.run();
