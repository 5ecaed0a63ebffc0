import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServiceError } from '../../lib/errors.ts';
import { refuseNewerFormat } from '../../lib/format-version.ts';

const test = suite('format version');

test('older and present formats pass', () => {
  refuseNewerFormat('The folder', 0, 2, 'internal');
  refuseNewerFormat('The folder', 2, 2, 'internal');
});

test('a newer format is refused with what it is, both versions, and what to do', () => {
  try {
    refuseNewerFormat('The folder', 3, 2, 'output-index-unavailable');
    assert.unreachable();
  } catch (error) {
    const { code, message, retriable } = error as ServiceError;
    assert.is(code, 'output-index-unavailable');
    assert.is(retriable, false);
    assert.match(
      message,
      /^The folder was written by a newer version of Linefeed \(format 3; .* up to 2\)\. Start the newer/,
    );
  }
});

test.run();
