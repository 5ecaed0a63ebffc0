import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asyncApiDocument } from '../../../api/docs/asyncapi.ts';
import { EVENT_SCHEMAS } from '../../../events/codec.ts';
import { topicNames } from '../../../events/kafka/topics.ts';

const test = suite('AsyncAPI document');
const root = new URL('../../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

test('docs/asyncapi.json is what the code says', () => {
  const stored = JSON.parse(readFileSync(new URL('docs/asyncapi.json', root), 'utf8'));
  assert.equal(
    stored,
    JSON.parse(JSON.stringify(asyncApiDocument(version))),
    'run: node tools/build/asyncapi.ts',
  );
});

test('every topic is a channel, but for the one of records that have no form of their own', () => {
  const { deadLetter, ...topics } = topicNames('mine');
  const channels = asyncApiDocument('1.0.0', 'mine').channels as Record<string, { address: string }>;
  assert.equal(
    Object.values(channels)
      .map(({ address }) => address)
      .sort(),
    Object.values(topics).sort(),
  );
});

test('every event type is a message, and every reference leads somewhere', () => {
  const document = asyncApiDocument('1.0.0', 'mine');
  const text = JSON.stringify(document);
  for (const type of Object.keys(EVENT_SCHEMAS)) {
    assert.ok(text.includes(`"name":"${type}"`), type);
    assert.ok(text.includes(`"$id":"urn:linefeed:event:${type}:1"`), `${type} has its version`);
  }
  for (const [, reference] of text.matchAll(/"\$ref":"#([^"]+)"/g)) {
    const found = (reference ?? '')
      .split('/')
      .slice(1)
      .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
    assert.ok(found, reference);
  }
});

test.run();
