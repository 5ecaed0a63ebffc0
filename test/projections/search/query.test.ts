import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseQuery } from '../../../projections/search/query.ts';

const test = suite('query');

for (const query of ['', '  ', '*', '**', '"', '"open', '""', '/(/', '/a/g', '/a{2000}/', 'x'.repeat(3000)]) {
  test(`the query ${JSON.stringify(query.slice(0, 20))} is an error that says what to do`, () => {
    try {
      parseQuery(query);
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code?: string }).code, 'invalid-query');
      assert.ok((error as Error).message.length > 20);
    }
  });
}

test.run();
