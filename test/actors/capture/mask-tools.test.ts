/** Secrets in the encodings that real programs write. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MASK } from '../../../actors/capture/mask.ts';
import { maskedOutput } from '../../support/masked-output.ts';

const test = suite('Mask of what programs print');

const TOKEN = `tok_${'A1b2C3d4E5'.repeat(5)}`;
const PEM = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const QUOTES = `p@ss w'rd"$x`;
const HUNTER = 'hunter2-s3cr3t';
const python = (expression: string) =>
  `python3 -c 'import os,json,html,shlex,base64,urllib.parse as u,xml.sax.saxutils as x; S=os.environ["S"]; print(${expression})'`;

/** Secret, command, and what of its output stays visible; adjacent masks are one. */
const TEXT: readonly [secret: string, command: string, visible: string | RegExp][] = [
  [QUOTES, 'declare -p S', `declare -x S="${MASK}"\n`],
  [QUOTES, 'export -p | grep w.rd', `declare -x S="${MASK}"\n`],
  [QUOTES, `printf '%q\\n' "$S"`, `${MASK}\n`],
  [QUOTES, 'set -x; : "$S"', `+ : '${MASK}'\n`],
  [QUOTES, python('shlex.quote(S)'), `'${MASK}'\n`],
  [QUOTES, python('repr(S)'), `'${MASK}'\n`],
  ["tab\tand 'quote' é", `printf '%q\\n' "$S"`, `$'${MASK}'\n`],
  ["tab\tand 'quote' é", `LC_ALL=C; printf '%q\\n' "$S"`, `$'${MASK}'\n`],
  ['pässwörd', python('json.dumps(S)'), `"${MASK}"\n`],
  ['pässwörd😀', python('json.dumps(json.dumps(S))'), `"\\"${MASK}\\""\n`],
  ['p@ss"w\\rd', python('json.dumps(json.dumps(S))'), `"\\"${MASK}\\""\n`],
  ['a/b/c/d"e', python(`json.dumps(S).replace("/","\\\\/")`), `"${MASK}"\n`],
  ['p<ss>&"word', python('x.escape(S)'), `${MASK}\n`],
  ['p<ss>&"w\'ord', python('html.escape(S)'), `${MASK}\n`],
  ['p<ss>&"word', python('x.quoteattr(S)'), `'${MASK}'\n`],
  ['p@ss/w rd+x', python('u.quote(S)'), `${MASK}\n`],
  ['p@ss/w rd+x', python('u.quote_plus(S)'), `${MASK}\n`],
  ['p@ss/w rd+x', python('u.quote(S, safe="").lower()'), `${MASK}\n`],
  ['two  words', 'echo $S', `${MASK}\n`],
  ['two  \t words and more', 'echo $S', `${MASK}\n`],
  [HUNTER, 'echo "$S" | grep --color=always hunter', `\x1b[01;31m\x1b[K${MASK}\n`],
  [HUNTER, `echo "$S" | sed 's/./\\x1b[38;5;154m&\\x1b[0m/g'`, `\x1b[38;5;154m${MASK}\x1b[0m\n`],
  [HUNTER, `printf %s "$S" | xxd -p`, `${MASK}\n`],
  [HUNTER, `printf %s "$S" | xxd -p -u`, `${MASK}\n`],
  [
    TOKEN,
    `printf 'deploy-user-with-a-long-name:%s!' "$S" | xxd -p`,
    /^[0-9a-f]{58}\*{8}\n(\*{8}\n)*\*{8}21\n$/,
  ],
  [
    TOKEN,
    `printf 'deploy-user-with-a-long-name:%s!' "$S" | od -An -v -tx1 | tr -d ' \\n'`,
    /^[0-9a-f]{58}\*{8}21$/,
  ],
  [PEM, 'printf %s "$S"', /^(\*{8}\n)+$/],
  [PEM, 'echo $S', /^\*{8}( \*{8})*\n$/],
  [PEM, python('json.dumps({"key": S})'), /^\{"key": "(\*{8}\\n)+"\}\n$/],
  ['abc', 'echo "$S"', 'abc\n'],
];

/** Nothing of the encoded secret stays, but for a few characters at its ends. */
const BASE64: readonly [secret: string, command: string][] = [
  [TOKEN, 'printf "deploy-user-with-a-long-name:%s" "$S" | base64'],
  ...[0, 1, 2, 3, 4, 5].map(
    (shift) => [TOKEN, `printf "%s%s" '${'.'.repeat(55 + shift)}' "$S" | base64`] as [string, string],
  ),
  [TOKEN, 'printf "user:%s" "$S" | base64 -w 64 | sed "s/$/\\r/"'],
  [TOKEN, python('json.dumps(base64.encodebytes(("0123456789" * 5 + S).encode()).decode())')],
  [PEM, 'printf %s "$S" | base64'],
  [PEM, 'printf %s "$S" | base64 -w 64'],
  [PEM, 'printf %s "$S" | base64 -w 0'],
  ['hunter2-s3cr3t>>??~~', 'printf %s "$S" | base64 | tr +/ -_'],
  ['hunter2-s3cr3t>>??~~', 'printf "a%s" "$S" | base64 | tr +/ -_ | tr -d ='],
  ['hunter2-s3cr3t>>??~~', `${python('u.quote(base64.b64encode(("ab"+S).encode()))')}`],
];

function outputOf(command: string, secret: string): Buffer {
  const options = { env: { ...process.env, LC_ALL: 'C.UTF-8', S: secret } };
  return execFileSync('bash', ['-c', `exec 2>&1; ${command}`], options);
}

/** The output written whole, in single bytes, and in two writes at many places. */
function* maskedEveryWay(secret: string, output: Buffer): Generator<string> {
  for (const flush of [false, true]) {
    yield maskedOutput([secret], output, { writes: [], flush });
    yield maskedOutput([secret], output, { writes: Array.from(output, () => 1), flush });
    yield maskedOutput([secret], output, { writes: [], flush, maxLineBytes: 40 });
    for (let at = 1; at < output.length; at += Math.ceil(output.length / 40))
      yield maskedOutput([secret], output, { writes: [at], flush });
  }
}

for (const [secret, command, visible] of TEXT) {
  test(`${JSON.stringify(secret.slice(0, 30))} in: ${command.slice(0, 90)}`, () => {
    const output = outputOf(command, secret);
    for (const masked of maskedEveryWay(secret, output)) {
      if (typeof visible === 'string') assert.is(masked, visible);
      else assert.ok(visible.test(masked), masked);
    }
  });
}

for (const [secret, command] of BASE64) {
  test(`${JSON.stringify(secret.slice(0, 30))} in: ${command.slice(0, 90)}`, () => {
    const output = outputOf(command, secret);
    const compact = (text: string) =>
      text
        .replaceAll(/\s|\\[rn]/g, '')
        .replaceAll('-', '+')
        .replaceAll('_', '/')
        .replaceAll(/%2[Bb]/g, '+')
        .replaceAll(/%2[Ff]/g, '/');
    const inner = [0, 1, 2].map((shift) =>
      Buffer.concat([Buffer.alloc(shift), Buffer.from(secret.trim())])
        .toString('base64')
        .replaceAll('=', '')
        .slice(2, -2),
    );
    const fragments = inner.flatMap((text) =>
      Array.from({ length: text.length - 5 }, (_, at) => text.slice(at, at + 6)),
    );
    assert.ok(fragments.some((fragment) => compact(output.toString()).includes(fragment)));
    for (const masked of maskedEveryWay(secret, output)) {
      const leaked = fragments.filter((fragment) => compact(masked).includes(fragment));
      assert.is(leaked.length, 0, `${leaked[0]} in ${masked}`);
    }
  });
}

test.run();
