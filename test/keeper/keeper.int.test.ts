import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KIND, omittedOf } from '../../keeper/frames.ts';
import { killKeeper } from '../support/keeper.ts';
import { withKeeper } from '../support/keeper-run.ts';
import { until } from '../support/within.ts';

const test = suite('Keeper');

const MARK = '[linefeed: the keeper restarted; up to 64 KiB may be missing here]\n';

/** Living processes whose command line holds the word. */
function running(word: string): number {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(word);
    } catch {
      return false;
    }
  }).length;
}

/** A number that no other command line on this machine has. */
let serial = 0;
const unique = () => `${process.pid}${++serial}.0625`;

for (const [cmd, stdout, stderr] of [
  ['echo out; echo err >&2', 'out\n', 'err\n'],
  ['printf "no newline"', 'no newline', ''],
  ['seq 1 3; echo tail | dd of=/dev/stdout status=none; echo end', '1\n2\n3\ntail\nend\n', ''],
  ['echo one; echo two > /dev/stdout; echo three', 'one\ntwo\nthree\n', ''],
  ['echo one >&2; echo two | tee /dev/stderr; echo three >&2', 'two\n', 'one\ntwo\nthree\n'],
  ['echo one; echo two >> /proc/self/fd/1; cat /dev/null > /dev/stdout; echo three', 'one\ntwo\nthree\n', ''],
  ['echo one; exec >/dev/null; echo lost', 'one\n', ''],
  ['cat; echo read nothing', 'read nothing\n', ''],
] as const) {
  test(`a command sees pipes: ${cmd}`, () =>
    withKeeper(async ({ start, over }) => {
      const { text, exited } = await over(await start(cmd));
      assert.equal([text(0), text(1), exited?.code], [stdout, stderr, 0]);
    }));
}

test('merged, both streams are one in exact order', () =>
  withKeeper(async ({ start, over }) => {
    const cmd = 'for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&2; done; echo x > /dev/stderr';
    const { text } = await over(await start(cmd, { merge: true }));
    assert.is(text(0), `${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `${i}\n${i}\n`).join('')}x\n`);
  }));

test('two streams keep the order in which they were printed', () =>
  withKeeper(async ({ start, over }) => {
    const cmd = 'for i in $(seq 1 20); do echo $i; sleep 0.02; echo $i >&2; sleep 0.02; done';
    const { frames } = await over(await start(cmd));
    const order = frames.filter(({ kind }) => kind === KIND.data).map(({ source }) => source);
    assert.equal(
      order,
      Array.from({ length: 40 }, (_, index) => index % 2),
    );
  }));

for (const [cmd, code, signal] of [
  ['exit 3', 3, undefined],
  ['exit 130', 130, undefined],
  ['exit 141', 141, undefined],
  ['exit 143', 143, undefined],
  ['kill -TERM $$', 143, 15],
  ['kill -KILL $$', 137, 9],
  ['kill -34 $$', 162, 34],
] as const) {
  test(`the end is what the wait status said: ${cmd}`, () =>
    withKeeper(async ({ start, over }) => {
      const { exited } = await over(await start(cmd));
      assert.equal([exited?.code, exited?.signal], [code, signal]);
    }));
}

test('the end of the command is the end when its background process prints elsewhere', () =>
  withKeeper(async ({ start, over }) => {
    const seconds = unique();
    const { text, frames } = await over(await start(`sleep ${seconds} >/dev/null 2>&1 & echo hi`));
    assert.is(text(0), 'hi\n');
    assert.ok(running(`sleep\0${seconds}`) > 0, 'it was left running');
    assert.is(frames.filter(({ kind }) => kind === KIND.eof).length, 2);
    execFileSync('pkill', ['-f', `sleep ${seconds}`]);
  }));

test('output of another process group after the end is kept, and the end of file is the end', () =>
  withKeeper(async ({ start, over }) => {
    const cmd =
      'timeout 60 bash -c \'exec > >(while read -r l; do echo "> $l"; done) 2>&1; seq 1 200; echo LAST\'';
    const { text } = await over(await start(cmd));
    assert.is(text(0), `${Array.from({ length: 200 }, (_, i) => `> ${i + 1}\n`).join('')}> LAST\n`);
  }));

for (const how of [
  (seconds: string) => `timeout 600 sleep ${seconds}`,
  (seconds: string) => `setsid sleep ${seconds}`,
  (seconds: string) => `bash -c 'set -m; sleep ${seconds} & wait'`,
  (seconds: string) =>
    `(setsid sh -c 'trap "" TERM; sleep ${seconds}; sleep ${seconds}' &) ; sleep ${seconds}`,
]) {
  test(`the time limit ends all of it: ${how('N')}`, () =>
    withKeeper(async ({ start, over }) => {
      const seconds = unique();
      const id = await start(how(seconds), { timeoutMs: 500, graceMs: 300 });
      const { terminated } = await over(id);
      assert.equal(terminated, { cause: 'timeout', left: [] });
      await until(10_000, () => running(`sleep\0${seconds}`) === 0, 'the end of all that it started');
    }));
}

test('beyond the output limit the end is kept and the rest is counted', () =>
  withKeeper(async ({ start, over }) => {
    const cmd = 'yes | head -c 5000000; echo the end';
    const { frames, text, exited } = await over(await start(cmd, { maxOutputBytes: 100_000 }));
    const frame = frames.find(({ kind }) => kind === KIND.omitted);
    assert.ok(frame);
    const { omitted, tail } = omittedOf(frame);
    assert.is(100_000 + omitted.bytes + tail.length, 5_000_008);
    assert.is(omitted.lines * 2, omitted.bytes);
    assert.ok(omitted.exact && text(0).endsWith('y\nthe end\n'));
    assert.is(exited?.code, 0);
  }));

test('a command that has to end at its output limit is ended', () =>
  withKeeper(async ({ start, over }) => {
    const { terminated } = await over(await start('yes', { maxOutputBytes: 1000, endAtLimit: true }));
    assert.is(terminated?.cause, 'output-limit');
  }));

test('each segment begins with what lies before it', () =>
  withKeeper(async ({ start, over }) => {
    const { frames } = await over(await start('seq 1 5000000; seq 1 9 >&2'));
    const totals = [0, 0];
    let segments = 0;
    for (const { kind, source, payload } of frames) {
      if (kind === KIND.data) totals[source] = (totals[source] ?? 0) + payload.length;
      if (kind !== KIND.base) continue;
      segments++;
      assert.equal(JSON.parse(payload.toString()), totals);
    }
    assert.ok(segments >= 4, `${segments} segments`);
  }));

test('a killed keeper breaks no pipe, loses no exit code and marks each open stream', () =>
  withKeeper(async ({ folder, start, state, over }) => {
    const go = join(folder, 'go');
    const id = await start(
      `for i in 1 2 3; do echo $i; done; until [ -e ${go} ]; do sleep 0.05; done; seq 4 6; exit 7`,
    );
    await until(20_000, () => state(id).text(0).includes('3\n'), 'the first lines');
    await killKeeper(folder);
    writeFileSync(go, '');
    const { text, exited } = await over(id);
    assert.is(text(0), `1\n2\n3\n${MARK}4\n5\n6\n`);
    assert.is(text(1), MARK);
    assert.is(exited?.code, 7);
  }));

test('a command that ends while no keeper lives has its output and its real exit code', () =>
  withKeeper(async ({ folder, client, start, state, over }) => {
    const gate = join(folder, 'go');
    const id = await start(`echo first; until [ -e ${gate} ]; do sleep 0.02; done; echo last; exit 9`);
    await until(20_000, () => state(id).text(0) === 'first\n', 'the first line');
    client.close();
    await killKeeper(folder);
    writeFileSync(gate, '');
    await until(20_000, () => running(gate) === 0 || running('until [ -e') === 0, 'its end').catch(
      () => undefined,
    );
    const { openKeeperClient } = await import('../../actors/capture/keeper-client.ts');
    const next = openKeeperClient({ spool: join(folder, 'spool'), home: join(folder, 'keeper') });
    try {
      const { text, exited } = await over(id);
      assert.is(text(0), `first\n${MARK}last\n`);
      assert.is(exited?.code, 9);
    } finally {
      next.close();
    }
  }));

test('a flood over three kills of the keeper is exact but for what a read holds', () =>
  withKeeper(async ({ folder, start, state, over }) => {
    const id = await start('seq 1 4000000; exit 5');
    for (let kill = 1; kill <= 3; kill++) {
      const before = state(id).frames.length;
      await until(20_000, () => state(id).over || state(id).frames.length > before, 'more output');
      if (!state(id).over) await killKeeper(folder);
    }
    const { text, exited } = await over(id);
    const whole = execFileSync('seq', ['1', '4000000'], { maxBuffer: 1e9 }).toString();
    const got = text(0).replaceAll(`\n${MARK}`, '').replaceAll(MARK, '');
    assert.ok(whole.length - got.length <= 3 * 65_536, `${whole.length - got.length} bytes are missing`);
    assert.ok(whole.endsWith(got.slice(-1000)) && whole.startsWith(got.slice(0, 1000)));
    assert.is(exited?.code, 5);
  }));

test('the keeper enforces the time limit of a command that an earlier keeper started', () =>
  withKeeper(async ({ folder, start, state, over }) => {
    const id = await start('echo up; sleep 600', { timeoutMs: 3000, graceMs: 300 });
    await until(20_000, () => state(id).text(0) === 'up\n', 'its start');
    await killKeeper(folder);
    assert.is((await over(id)).terminated?.cause, 'timeout');
  }));

test('a start that is asked for twice happens once', () =>
  withKeeper(async ({ folder, client, start, over }) => {
    const id = await start(`echo ran >> ${folder}/ran; sleep 0.3`);
    const again = {
      execution: id,
      command: ['/bin/sh', '-c', 'echo never'] as [string, ...string[]],
      cwd: '/',
      env: {},
    };
    await client.start(again);
    await killKeeper(folder);
    await client.start(again);
    await over(id);
    assert.is(readFileSync(`${folder}/ran`, 'utf8'), 'ran\n');
  }));

test('a background process that prints after everybody has lost interest is not ended by SIGPIPE', () =>
  withKeeper(async ({ folder, client, start, state }) => {
    const said = join(folder, 'said');
    const id = await start(`(sleep 1; echo late; echo later && touch ${said}) & echo early`);
    await until(20_000, () => state(id).exited !== undefined, 'the end of the command');
    await client.discard(id);
    rmSync(join(folder, 'spool', id), { recursive: true });
    await until(20_000, () => existsSync(said), 'the late words');
  }));

test('a PATH without /bin does not matter to the wrapper', () =>
  withKeeper(async ({ client, folder, over }) => {
    const { mkdirSync } = await import('node:fs');
    const { LAUNCH } = await import('../support/keeper-run.ts');
    mkdirSync(join(folder, 'spool', 'bare'), { recursive: true });
    writeFileSync(join(folder, 'spool', 'bare', 'launch.json'), JSON.stringify(LAUNCH));
    await client.start({
      execution: 'bare',
      command: ['/bin/echo', 'hi'],
      cwd: '/',
      env: { PATH: '/nowhere' },
    });
    const { text, exited } = await over('bare');
    assert.equal([text(0), exited?.code], ['hi\n', 0]);
  }));

test('the keeper ends when its folder has gone', async () => {
  const gone = await withKeeper(async ({ folder, start, over }) => {
    await over(await start('true'));
    return folder;
  });
  await until(20_000, () => running(join(gone, 'keeper')) === 0, 'the end of the keeper');
});

test.run();
