/** Where live hits go among the hits. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { insertHit } from '../../../../web/pages/search/hit-order.ts';
import type { SearchHit } from '../../../../web/types.ts';

const test = suite('live hits');

const hit = (execution: string, seq: number) => ({ execution_id: execution, seq }) as SearchHit;
const names = (hits: readonly SearchHit[]) => hits.map((one) => `${one.execution_id}${one.seq}`);

test('a hit joins its execution, a new execution comes first, and no hit comes twice', () => {
  let hits: SearchHit[] = [];
  for (const one of [hit('a', 1), hit('b', 1), hit('a', 2), hit('b', 1), hit('b', 3)]) {
    hits = insertHit(hits, one);
  }
  assert.equal(names(hits), ['b1', 'b3', 'a1', 'a2']);
});

test('the oldest hits make room', () => {
  let hits: SearchHit[] = [];
  for (let n = 0; n < 600; n += 1) hits = insertHit(hits, hit(`e${n}-`, 1));
  assert.is(hits.length, 500);
  assert.equal(names(hits).slice(0, 2), ['e599-1', 'e598-1']);
});

test.run();
