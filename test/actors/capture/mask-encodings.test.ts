/** Random secrets in every encoding, cut at random: nothing of them is in the output, and nothing else is masked. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createMask, MASK } from '../../../actors/capture/mask.ts';
import { type Cuts, maskedOutput } from '../../support/masked-output.ts';

const test = suite('Mask of encoded secrets');

const cuts: fc.Arbitrary<Cuts> = fc.record({
  writes: fc.array(fc.nat(30), { maxLength: 20 }),
  flush: fc.boolean(),
  maxLineBytes: fc.constantFrom(32, 100, 65_536),
});

/** No blanks at its ends, and none of the characters that stand around it in these tests. */
const secret = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 6 }) },
      fc.constantFrom(
        'ä',
        'é',
        '日本',
        '😀',
        '"',
        "'",
        '\\',
        '$',
        '`',
        ' ',
        '  ',
        '&',
        '<',
        '/',
        '+',
        '%',
        '\t',
        '?>~',
      ),
    ),
    { minLength: 3, maxLength: 10 },
  )
  .map((parts) => parts.join('').replaceAll(/[|*]/g, '').trim())
  .filter((text) => text.length >= 6);

const percent = (byte: number) => `%${byte.toString(16).padStart(2, '0')}`;
const python = (text: string) =>
  JSON.stringify(text).replaceAll(
    /[^\0-~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
const octal = (text: string) =>
  [...Buffer.from(text)]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte),
    )
    .join('');
const entities = (apostrophe: string) => (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", apostrophe);

/** In these nothing of the secret stays. */
const TEXT_ENCODINGS: Record<string, (text: string) => string> = {
  none: (text) => text,
  json: (text) => JSON.stringify(text),
  'json twice': (text) => JSON.stringify(JSON.stringify(text)),
  'python json': python,
  'python json twice': (text) => python(python(text)),
  'json with \\/': (text) => python(text).replaceAll('/', '\\/'),
  'json safe for html': (text) =>
    python(text).replaceAll('<', '\\u003c').replaceAll('>', '\\u003E').replaceAll('&', '\\u0026'),
  'json in html': (text) => entities('&#39;')(JSON.stringify(text)),
  'xml text': (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  'html &#39;': entities('&#39;'),
  'html &#x27;': entities('&#x27;'),
  'xml &apos;': entities('&apos;'),
  'html of json.dumps': (text) => entities('&#x27;')(python(text)),
  'single quotes': (text) => `'${text.replaceAll("'", "'\\''")}'`,
  'single quotes, python': (text) => `'${text.replaceAll("'", `'"'"'`)}'`,
  'declare -p': (text) => `"${text.replaceAll(/["\\$`]/g, '\\$&')}"`,
  'printf %q': (text) => text.replaceAll(/[^\p{L}\p{N}._/+%@:,-]/gu, '\\$&'),
  "$'…'": (text) => `$'${octal(text.replaceAll(/['\\]/g, '\\$&').replaceAll('\t', '\\t'))}'`,
  encodeURIComponent,
  'every special character': (text) =>
    [...Buffer.from(text)]
      .map((byte) =>
        /[\w.-]/.test(String.fromCharCode(byte)) && byte < 128 ? String.fromCharCode(byte) : percent(byte),
      )
      .join(''),
  quote: (text) => encodeURIComponent(text).replaceAll('%2F', '/'),
  quote_plus: (text) => encodeURIComponent(text).replaceAll('%20', '+'),
  'blanks collapsed': (text) => text.replaceAll(/\s+/g, ' '),
  colours: (text) => Array.from(text, (char) => `\x1b[1;31m${char}\x1b[0m\x1b[K`).join(''),
  'xxd -p': (text) => `${Buffer.from(text).toString('hex')}`,
  HEX: (text) => Buffer.from(text).toString('hex').toUpperCase(),
};

/** What stays of an encoding: its quotes, and the codes and padding at its ends. */
const REST = new RegExp(`&quot;|[\\\\"'$]|${'\x1b'}\\[[\\d;]*[mK]`, 'g');

for (const [name, encode] of Object.entries(TEXT_ENCODINGS)) {
  test(`text: ${name}`, () => {
    fc.assert(
      fc.property(secret, cuts, (value, how) => {
        const output = maskedOutput([value], `first|${encode(value)}|last\nnext line\n`, how);
        const found = /^first\|(.*)\|last\nnext line\n$/s.exec(output)?.[1];
        assert.is(found?.replaceAll(REST, ''), MASK, output);
      }),
      { numRuns: 150 },
    );
  });
}

const wrap = (columns: number, lineBreak: string) => (text: string) =>
  text.replaceAll(new RegExp(`.{${columns}}(?=.)`, 'g'), `$&${lineBreak}`);
const WRAPS: Record<string, (text: string) => string> = {
  'not wrapped': (text) => text,
  '76 columns': wrap(76, '\n'),
  '64 columns, CRLF': wrap(64, '\r\n'),
  '60 columns': wrap(60, '\n'),
  '20 columns': wrap(20, '\n'),
  '76 columns in JSON': wrap(76, '\\n'),
};
const BINARY: Record<string, (bytes: Buffer) => string> = {
  base64: (bytes) => bytes.toString('base64'),
  base64url: (bytes) => bytes.toString('base64url'),
  'base64url with padding': (bytes) => bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
  hex: (bytes) => bytes.toString('hex'),
  HEX: (bytes) => bytes.toString('hex').toUpperCase(),
};

/** The secret's bytes as the encoding has them, without the characters that it shares with its neighbours. */
function inner(name: string, before: number, value: Buffer): { from: number; to: number } {
  if (name.toLowerCase() === 'hex') return { from: before * 2, to: (before + value.length) * 2 };
  return { from: Math.ceil((before * 4) / 3), to: Math.floor(((before + value.length) * 4) / 3) };
}

for (const [name, encode] of Object.entries(BINARY)) {
  for (const [wrapping, wrapped] of Object.entries(WRAPS)) {
    test(`${name}, ${wrapping}`, () => {
      fc.assert(
        fc.property(secret, fc.nat(90), fc.nat(30), cuts, (value, before, after, how) => {
          const bytes = Buffer.from(value);
          const all = Buffer.concat([Buffer.alloc(before, 'é'), bytes, Buffer.alloc(after, 'ü')]);
          const text = encode(all);
          const { from, to } = inner(name, before, bytes);
          const output = maskedOutput([value], `${wrapped(text)}\nnext\n`, how);
          const visible = output.replaceAll(/\s|\\n|next$/g, '').replace(/next$/, '');
          const masked = visible.replaceAll(/(\*{8})+/g, MASK);
          assert.is(masked, `${text.slice(0, from)}${MASK}${text.slice(to)}`);
        }),
        { numRuns: 60 },
      );
    });
  }
}

test('a secret of several lines is masked in each line, and as a whole when a line is short', () => {
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 5 }), fc.boolean(), cuts, (lines, short, how) => {
      const value = [...lines, ...(short ? ['q'] : []), lines[0]].join('\n');
      const output = maskedOutput([value], `|${value}|\n`, how);
      assert.is(output.replaceAll(/[|\s]/g, '').replaceAll(/(\*{8})+/g, MASK), MASK, output);
    }),
  );
});

test('ordinary text is not masked, whatever the secrets are', () => {
  const text = Buffer.from(
    Array.from(
      { length: 500 },
      (_, n) => `${n} GET /v1/things?id=${n * 7919}&q=a+b%20c "ok" in ${n % 90} ms\n`,
    ).join(''),
  );
  fc.assert(
    fc.property(fc.array(secret, { maxLength: 30 }), (secrets) => {
      const foreign = secrets.map((value) => `${value}§`);
      assert.is(createMask(foreign).apply(text), text);
    }),
    { numRuns: 30 },
  );
});

test('a line that ends like the beginning of an encoded secret does not wait, unless it is as long as a wrapped one', () => {
  const mask = createMask(['hunter2-s3cr3t']);
  assert.is(mask.hold(Buffer.from('all done: aHVu\n')), 0);
  assert.is(mask.hold(Buffer.from(`${'x'.repeat(72)}aHVu\n`)), 5);
  assert.is(mask.hold(Buffer.from(`${'x'.repeat(76)}\n`)), 0);
});

test('what is held back is bounded by the longest form of a secret', () => {
  const value = 'hunter2-s3cr3t'.repeat(3);
  const endless = `${'aHVudGVyMi1z'.repeat(20)}\n`.repeat(200);
  assert.ok(createMask([value]).hold(Buffer.from(endless)) < 1000);
});

test.run();
