import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createMask, MASK } from '../../../actors/capture/mask.ts';
import { compileExpression } from '../../../lib/re2.ts';

const test = suite('Mask');
const apply = (secrets: string[], text: string, patterns: string[] = []) =>
  createMask(
    secrets,
    patterns.map((pattern) => compileExpression(pattern)),
  )
    .apply(Buffer.from(text))
    .toString();

test('a secret is replaced wherever it stands', () => {
  assert.is(apply(['hunter22'], 'a hunter22 b hunter22\n'), `a ${MASK} b ${MASK}\n`);
});

test('a secret that is the beginning of another does not uncover the rest of the longer one', () => {
  assert.is(apply(['pass', 'password'], 'x password y pass\n'), `x ${MASK} y ${MASK}\n`);
});

test('overlapping secrets are masked as one', () => {
  assert.is(apply(['abcdef', 'defghi'], '-abcdefghi-'), `-${MASK}-`);
});

test('encoded forms of a secret are masked', () => {
  const secret = 's3cr3t & "more"';
  const text = [
    encodeURIComponent(secret),
    JSON.stringify({ secret }),
    Buffer.from(`user:${secret}`).toString('base64'),
    Buffer.from(`ab${secret}`).toString('base64'),
    Buffer.from(secret).toString('base64'),
  ];
  for (const line of text) {
    const masked = apply([secret], line);
    assert.ok(masked.includes(MASK), line);
  }
});

test('each line of a secret with several lines is masked', () => {
  assert.is(apply(['first line\nsecond line'], 'x first line\ny second line\n'), `x ${MASK}\ny ${MASK}\n`);
});

test('a secret of fewer than four characters is left alone: it would mask half of any output', () => {
  assert.is(apply(['abc'], 'abc abc'), 'abc abc');
});

test('a configured pattern is matched within a line', () => {
  assert.is(apply([], 'token=abc123 rest\nnext\n', ['token=\\w+']), `${MASK} rest\nnext\n`);
});

test('a chunk without secrets is given back as it is', () => {
  const chunk = Buffer.from('nothing here\n');
  assert.is(createMask(['hunter22']).apply(chunk), chunk);
});

test('hold keeps exactly the longest end that may be the beginning of a secret', () => {
  const mask = createMask(['hunter22']);
  assert.is(mask.hold(Buffer.from('say hunt')), 4);
  assert.is(mask.hold(Buffer.from('say hunter22')), 0);
  assert.is(mask.hold(Buffer.from('say nothing')), 0);
});

test('a cut never falls into a secret', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 4, maxLength: 12 }),
      fc.string(),
      fc.string(),
      fc.nat(60),
      (secret, before, after, at) => {
        const bytes = Buffer.from(`${before}${secret}${after}`);
        const mask = createMask([secret]);
        const cut = mask.cutBefore(bytes, Math.min(at, bytes.length));
        const whole = mask.apply(bytes).toString('latin1');
        const halves =
          mask.apply(bytes.subarray(0, cut)).toString('latin1') +
          mask.apply(bytes.subarray(cut)).toString('latin1');
        assert.is(halves.replaceAll(/(\*{8})+/g, MASK), whole.replaceAll(/(\*{8})+/g, MASK));
      },
    ),
  );
});

test.run();
