import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, parseAllDocuments } from 'yaml';
import { settingList } from '../../config/setting-list.ts';
import { ELASTICSEARCH_VERSION, KAFKA_VERSION } from '../../tools/stack/packages.ts';
import { COMPOSE, KUBERNETES } from '../support/deploy-schemas.ts';

const test = suite('Deployment files');
const read = (name: string) => readFileSync(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');
const KNOWN = new Set([
  ...settingList().flatMap(({ variable }) => variable ?? []),
  'LINEFEED_SEAL_KEY',
  'LINEFEED_CONFIG',
]);

/** Every LINEFEED_ variable that a file sets is one that the server reads. */
function knownVariables(text: string): void {
  const names = new Set(text.match(/LINEFEED_[A-Z_]+/g));
  for (const name of names) assert.ok(KNOWN.has(name), `${name} is not a setting`);
}

test('compose and Kubernetes know every field, and each has the type that they ask for', () => {
  const wrong = (schema: typeof COMPOSE | typeof KUBERNETES, value: unknown) =>
    schema.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  const compose = parse(read('compose.yaml'), { merge: true });
  assert.equal(wrong(COMPOSE, compose), []);
  const objects = parseAllDocuments(read('kubernetes.yaml')).map((document) => document.toJS());
  for (const object of objects) assert.equal(wrong(KUBERNETES, object), [], object.kind);
  compose.services.api.enviroment = {};
  assert.is(wrong(COMPOSE, compose).length, 1, 'a field that is misspelt is seen');
  objects[2].spec.replicas = '2';
  assert.is.not(wrong(KUBERNETES, objects[2]).length, 0, 'a text where a number belongs is seen');
});

test('compose starts the same versions as npm run stack, and all roles', () => {
  const compose = parse(read('compose.yaml'), { merge: true });
  assert.is(compose.services.kafka.image, `apache/kafka:${KAFKA_VERSION}`);
  assert.ok(compose.services.elasticsearch.image.endsWith(`:${ELASTICSEARCH_VERSION}`));
  const roles = ['api', 'worker', 'projector'];
  for (const role of roles) {
    const { environment, build, depends_on } = compose.services[role];
    assert.is(environment.LINEFEED_ROLES, role);
    assert.is(environment.LINEFEED_KAFKA_BROKERS, 'kafka:9092');
    assert.is(build.dockerfile, 'deploy/Dockerfile');
    assert.equal(Object.keys(depends_on), ['kafka', 'elasticsearch']);
  }
  for (const service of Object.values<{ volumes?: string[] }>(compose.services)) {
    for (const volume of service.volumes ?? [])
      assert.ok((volume.split(':')[0] as string) in compose.volumes, volume);
  }
  for (const port of compose.services.api.ports) assert.match(port, /^127\.0\.0\.1:/);
  knownVariables(read('compose.yaml'));
});

test('the Kubernetes objects select what they name, and workers keep their folder and name', () => {
  const objects = parseAllDocuments(read('kubernetes.yaml')).map((document) => {
    assert.equal(document.errors, []);
    return document.toJS();
  });
  assert.equal(
    objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    [
      'ConfigMap linefeed',
      'Service linefeed',
      'Deployment linefeed-api',
      'StatefulSet linefeed-worker',
      'Deployment linefeed-projector',
    ],
  );
  for (const { spec } of objects.slice(2)) {
    assert.equal(spec.template.metadata.labels, spec.selector.matchLabels);
    const [container] = spec.template.spec.containers;
    assert.is(container.readinessProbe.httpGet.path, '/readyz');
    const variables = container.env.map(({ name }: { name: string }) => name);
    assert.ok(variables.includes('LINEFEED_SEAL_KEY') && variables.includes('LINEFEED_ROLES'));
  }
  const worker = objects[3].spec;
  assert.is(
    worker.volumeClaimTemplates[0].metadata.name,
    worker.template.spec.containers[0].volumeMounts[0].name,
  );
  knownVariables(read('kubernetes.yaml'));
});

test('the systemd unit leaves commands running, and the image runs without root', () => {
  const unit = read('linefeed.service');
  assert.match(unit, /^KillMode=process$/m);
  assert.match(unit, /^ExecStart=.* linefeed server$/m);
  knownVariables(unit);
  const dockerfile = read('Dockerfile');
  assert.match(dockerfile, /^USER linefeed$/m);
  knownVariables(dockerfile);
});

test.run();
