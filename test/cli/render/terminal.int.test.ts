// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what it is about
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startOnTerminal } from '../../support/cli.ts';
import { withFolder } from '../../support/folder.ts';
import { oldNode } from '../../support/old-node.ts';
import { type ServerProcess, withServer } from '../../support/server.ts';
import { within } from '../../support/within.ts';

const test = suite('on a terminal');

const served = (body: (server: ServerProcess, folder: string) => Promise<void>) => () =>
  withFolder((folder) => withServer(join(folder, 'data'), (server) => body(server, folder)));

/** All escape sequences and other controls that are not colours, line ends, tabs or a step back in the line. */
function beyondColours(text: string): string[] {
  return (
    text
      .replace(/\x1b\[[0-9;:]*m/g, '')
      .match(/[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g) ?? []
  );
}

const HOSTILE = [
  'start \x1b[31mred\x1b[0m',
  '\x1b]0;owned\x07\x1b]52;c;cm0gLXJmIH4=\x07\x1b]8;;http://evil\x07link\x1b]8;;\x07',
  'deploy failed\x1b[1A\x1b[2K\x1b[1Gdeploy ok',
  '\x1bP$q"p\x1b\\\x1b[6n\x1b[c\x1b[>c',
  '\x1b[?1049h\x1b[2J\x1b[H\x1bc\x1b(0\x0e',
  'user\u202egnp.exe\u2066',
  'c1 \u009b2J\u009d0;x\u009c',
  'bell\x07 null\0 back\b\b\b\b',
  'half \x1b[',
].join('\n');

test(
  'of hostile output only colours come through; -o raw and a pipe show every byte',
  served(async (server, folder) => {
    await writeFile(join(folder, 'hostile'), HOSTILE);
    const id = await server.run(`cat ${folder}/hostile`);
    await server.ended(id);
    for (const line of [
      `linefeed tail ${id}`,
      `linefeed tail --timestamps ${id}`,
      `linefeed run -- cat ${folder}/hostile`,
    ]) {
      const { text } = await within(20_000, startOnTerminal(server, line).ended);
      assert.equal(beyondColours(text), [], line);
      assert.match(text, '\x1b[31mred\x1b[0m');
      assert.match(text, 'user<U+202E>gnp.exe<U+2066>');
      assert.match(text, 'deploy failed');
    }
    await server.ended(await server.run(`: '${HOSTILE}'`));
    for (const line of [
      'ls',
      'show last',
      'show last -o json',
      'ls -o json',
      'events last',
      'search user*',
      `tail ${id.slice(0, 4)}`,
      `tail ${id} -o json`,
    ]) {
      const { text } = await within(20_000, startOnTerminal(server, `linefeed ${line}`).ended);
      assert.equal(beyondColours(text), [], line);
      assert.match(text, /deploy|user|start/, line);
    }
    const raw = await within(20_000, startOnTerminal(server, `linefeed tail -q -o raw ${id}`).ended);
    assert.is(raw.text.replaceAll('\r\n', '\n'), HOSTILE);
    const piped = await within(20_000, startOnTerminal(server, `linefeed tail -q ${id} | cat -v`).ended);
    assert.match(piped.text, '^[]52;c;cm0gLXJmIH4=^G');
  }),
);

test(
  'NO_COLOR leaves no escape byte, FORCE_COLOR and --color decide against it',
  served(async (server, folder) => {
    await writeFile(join(folder, 'hostile'), HOSTILE);
    const id = await server.run(`cat ${folder}/hostile; exit 1`);
    await server.ended(id);
    for (const line of [
      `linefeed tail ${id}`,
      'linefeed ls',
      'linefeed show last',
      'linefeed search red',
      'linefeed doctor',
      'linefeed nonsense',
    ]) {
      const { text } = await startOnTerminal(server, line, { env: { NO_COLOR: '1' } }).ended;
      assert.not.match(text, /\x1b/, line);
    }
    assert.match((await startOnTerminal(server, 'linefeed ls').ended).text, '\x1b[31mfailed');
    assert.match(
      (await startOnTerminal(server, 'linefeed ls --color always', { env: { NO_COLOR: '1' } }).ended).text,
      '\x1b[31m',
    );
    assert.match((await cli(server, ['ls'], { env: { FORCE_COLOR: '1' } })).text, '\x1b[31m');
    assert.not.match((await cli(server, ['ls'])).text, /\x1b/);
  }),
);

test(
  'a progress bar is redrawn in its line',
  served(async (server) => {
    const id = await server.run(`printf '100 of 100 percent\\r\\033[Kdone\\rok\\n'`);
    await server.ended(id);
    const { text } = await startOnTerminal(server, `linefeed tail -q ${id}`).ended;
    assert.is(text, `100 of 100 percent\r${' '.repeat(18)}\rdone\r    \rok\r\n`);
  }),
);

test(
  'everything fits 40 columns',
  served(async (server) => {
    await server.ended(await server.run(`echo ${'x'.repeat(20)}; : ${'a long command '.repeat(10)}`));
    for (const line of ['linefeed ls', 'linefeed events last', 'linefeed actions']) {
      const { text, code } = await startOnTerminal(server, line, { columns: 40 }).ended;
      assert.is(code, 0, text);
      for (const shown of text.replace(/\x1b\[[0-9;]*m/g, '').split('\r\n')) {
        assert.ok(shown.length <= 40, `${line}: ${shown}`);
      }
    }
  }),
);

test(
  'the keyboard: Ctrl-C cancels a run, a second one detaches; run says how it ended',
  served(async (server) => {
    const run = startOnTerminal(server, "linefeed run -- 'echo ready; sleep 30'; echo code=$?");
    await run.says(/ready\r\n/);
    run.type('\x03');
    const { text } = await within(20_000, run.ended);
    assert.match(text, /canceling .*interrupt again/);
    assert.match(text, /canceled · [\d.]+s · 1 line · .*[0-9a-f]{8}-[0-9a-f]{4}\b/);
    assert.match(text, 'code=130');
    assert.not.match(text, 'detached');

    const stubborn = startOnTerminal(
      server,
      `linefeed run -- 'trap "" TERM INT; echo ready; sleep 4 & wait; sleep 4'; echo code=$?`,
    );
    await stubborn.says(/ready\r\n/);
    stubborn.type('\x03');
    await stubborn.says(/canceling/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    stubborn.type('\x03');
    const left = await within(20_000, stubborn.ended);
    assert.match(left.text, /detached[\s\S]*linefeed tail [0-9a-f-]{36}[\s\S]*code=130/);
  }),
);

test(
  'with an older Node as the launcher, one Ctrl-C is one Ctrl-C',
  served(async (server) => {
    const run = startOnTerminal(
      server,
      'linefeed run -- \'trap "" TERM; echo ready; sleep 2; echo late\'; echo code=$?',
      { node: oldNode() },
    );
    await run.says(/ready\r\n/);
    run.type('\x03');
    const { text } = await within(20_000, run.ended);
    assert.match(text, 'code=130');
    assert.not.match(text, 'detached');
    assert.match(text, 'late');
  }),
);

test(
  'search shows hits under the command they are from, with the matches painted',
  served(async (server) => {
    const id = await server.run(`printf 'one\\nan \\033[32merror\\033[0m here\\nthree\\n'`);
    await server.ended(id);
    const { text, code } = await startOnTerminal(server, 'linefeed search error -C 1').ended;
    assert.is(code, 0);
    assert.match(text, `${id.slice(0, 13)}`);
    assert.match(text, 'an \x1b[31;1merror\x1b[0m here');
    const plain = text.replace(/\x1b\[[0-9;]*m/g, '');
    assert.match(plain, /1- one\r\n2: an error here\r\n3- three/);
  }),
);

test(
  'a closed stdin, a dumb terminal and no terminal at all are no trouble',
  served(async (server) => {
    const dumb = await startOnTerminal(
      server,
      'TERM=dumb linefeed run -- echo hi < /dev/null; linefeed ls <&- 2>&1 | head -1; echo code=$?',
    ).ended;
    assert.match(dumb.text, 'hi\r\n');
    assert.match(dumb.text, 'code=0');
    const piped = await startOnTerminal(server, 'set -o pipefail; linefeed tail last | head -1; echo code=$?')
      .ended;
    assert.match(piped.text, 'code=0');
  }),
);

test.run();
