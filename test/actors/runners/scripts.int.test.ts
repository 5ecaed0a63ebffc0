/** Scripts and Python actions of packs, run by their runners without a server. @needs python */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRunners } from '../../../actors/runners/registry.ts';
import { createCatalogue } from '../../../catalogue/catalogue.ts';
import type { Runner } from '../../../catalogue/runner.ts';
import { loadConfig } from '../../../config/config.ts';
import type { ServiceError } from '../../../lib/errors.ts';
import { withFolder } from '../../support/folder.ts';
import { type Ran, runLaunch } from '../../support/launch.ts';

const PACKS = fileURLToPath(new URL('../../fixtures/packs', import.meta.url));
/** Actions that failed here and run in StackStorm. */
const STACKSTORM = fileURLToPath(new URL('../../fixtures/stackstorm', import.meta.url));
const HOSTILE = [
  `'`,
  `"`,
  '$(touch /tmp/lf-pwned)',
  '`id`',
  '-rf',
  '--help',
  'a b',
  '*',
  'x\ny\n',
  '\\',
  '$HOME',
  ';id',
  '#',
  '!',
  'ünï\u{1f600}',
  ' ',
];

interface Tools {
  runners: Runner[];
  folder: string;
  /** Runs an action as a server would: the catalogue's parameters, then the runner's launch. */
  run(action: string, parameters?: Record<string, unknown>, script?: string): Promise<Ran>;
}

async function withPacks(packs: string[], body: (tools: Tools) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const config = loadConfig({}, { data: join(folder, 'data'), 'content.packs': packs });
    const runners = await createRunners({ config, describe: (ref) => catalogue.get(ref) });
    const catalogue = createCatalogue({ packs, runners });
    let count = 0;
    await body({
      runners,
      folder,
      async run(ref, parameters = {}, script) {
        const extra = script === undefined ? {} : { script };
        const { action, parameters: checked } = await catalogue.resolve({
          action: ref,
          parameters,
          ...extra,
        });
        const runner = runners.find(({ name }) => name === action.runner) as Runner;
        count += 1;
        return runLaunch(runner, {
          action,
          parameters: checked,
          folder: join(folder, String(count)),
          ...extra,
        });
      },
    });
  });
}

async function refusal(work: Promise<unknown>): Promise<ServiceError> {
  try {
    await work;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('it was not refused');
}

const ECHO_ARGS = '#!/bin/sh\nfor a in "$@"; do printf "%s\\0" "$a"; done\n';
const words = (ran: Ran): string[] => ran.stdout.split('\0').slice(0, -1);

const shell = suite('local-shell-script');

shell('a script of a pack gets its named and positional arguments and finds its neighbours', async () => {
  await withPacks([PACKS], async ({ run, folder }) => {
    for (const name of ['a.txt', 'b.txt', 'c.log']) writeFileSync(join(folder, name), '');
    const ran = await run('disk.report', { folder });
    assert.is(ran.exitCode, 0, ran.stderr);
    assert.is(ran.stderr, `reporting on ${folder} (at most 10)\n`);
    assert.match(ran.stdout, /^txt 2\nlog 1\npack disk done\n$/);
    assert.is(ran.launch.timeoutS, 20);
    assert.is((await run('disk.report', { folder, quiet: true, endings: ['log'] })).stderr, '');
  });
});

shell('hostile values arrive as they were sent', async () => {
  await withPacks([PACKS], async ({ run }) => {
    assert.equal(words(await run('core.local_script', { args: HOSTILE }, ECHO_ARGS)), HOSTILE);
    const kwargs = Object.fromEntries(HOSTILE.map((value, index) => [`k${index}`, value]));
    assert.equal(
      words(await run('core.local_script', { kwargs }, ECHO_ARGS)),
      HOSTILE.map((value, index) => `--k${index}=${value}`),
    );
    const env = Object.fromEntries(HOSTILE.map((value, index) => [`V${index}`, value]));
    const names = Object.keys(env)
      .map((name) => `"$${name}"`)
      .join(' ');
    assert.equal(
      words(await run('core.local_script', { env }, `#!/bin/sh\nprintf '%s\\0' ${names}\n`)),
      HOSTILE,
    );
    for (const message of HOSTILE) assert.is((await run('core.echo', { message })).stdout, `${message}\n`);
  });
});

shell("an action's own args, kwargs and merge keep the meaning that the action gives them", async () => {
  await withPacks([STACKSTORM], async ({ run }) => {
    const script = await run('clash.sh', { args: 'one', merge: 'two', other: 'three' });
    assert.is(script.stdout, '[--args=one]\n[--merge=two]\n[--other=three]\n', script.stderr);
    assert.equal((await run('clash.py', { args: ['a', 'b'] })).result.result, ['*', ['a', 'b']]);
    const merged = await run('clash.merge', { merge: true, kwargs: 'k' });
    assert.is(merged.stdout, 'True k\n', merged.stderr);
    assert.is(merged.launch.merge, false);
    assert.is((await run('core.local', { cmd: 'true', merge: true })).launch.merge, true);
  });
});

shell('the loop of a command template may have a condition', async () => {
  await withPacks([STACKSTORM], async ({ run }) => {
    assert.is((await run('clash.forif')).stdout, 'b c\n');
  });
});

shell('a command line runs in bash, as in StackStorm', async () => {
  await withPacks([], async ({ run, folder }) => {
    const file = join(folder, 'names');
    writeFileSync(file, 'name=bash\n');
    const rows: [cmd: string, stdout: string][] = [
      ['echo {1..3}', '1 2 3\n'],
      ['[[ abc == a* ]] && echo yes', 'yes\n'],
      [`source ${file} && echo $name`, 'bash\n'],
      ['set -o pipefail; false | true || echo failed', 'failed\n'],
      ['words=(a b); cat <(echo "$words")', 'a\n'],
    ];
    for (const [cmd, stdout] of rows) {
      const ran = await run('core.local', { cmd });
      assert.equal([ran.stdout, ran.stderr, ran.exitCode], [stdout, '', 0], cmd);
    }
  });
});

shell('a command line longer than an argument can be runs all the same', async () => {
  await withPacks([], async ({ run }) => {
    const cmd = `: ${'x'.repeat(200_000)}\necho end of $((1 + 1))`;
    assert.is((await run('core.local', { cmd })).stdout, 'end of 2\n');
    const nul = await refusal(run('core.local', { cmd: 'echo a\0b' }));
    assert.equal([nul.code, nul.message], ['validation-failed', 'cmd: a NUL character is not allowed']);
  });
});

shell('values that no argument can hold are refused with their name', async () => {
  await withPacks([PACKS], async ({ run }) => {
    const long = 'x'.repeat(1 << 20);
    const rows: [Record<string, unknown>, RegExp][] = [
      [
        { args: ['ok', long] },
        /^args\[1\]: 1048576 bytes are too long .* 131071\. Write the value to a file/,
      ],
      [{ env: { BIG: long } }, /^env\.BIG: 1048576 bytes are too long/],
      [{ args: ['a\0b'] }, /^args\[0\]: a NUL character cannot be passed/],
      [{ env: { 'A=B': 'x' } }, /^env: "A=B" is not a variable name/],
      [{ env: { 'LD PRELOAD': 'x' } }, /is not a variable name/],
    ];
    for (const [parameters, message] of rows) {
      const error = await refusal(run('core.local_script', parameters, ECHO_ARGS));
      assert.is(error.code, 'validation-failed');
      assert.match(error.message, message);
      assert.ok(error.message.length < 400);
    }
    const most = 'x'.repeat(131_071);
    assert.equal(words(await run('core.local_script', { args: [most] }, ECHO_ARGS)), [most]);
  });
});

shell('a script runs by its own interpreter, without the permission to run, or with none named', async () => {
  await withPacks([], async ({ run, folder }) => {
    const actions = join(folder, 'packs', 'p', 'actions');
    mkdirSync(actions, { recursive: true });
    const add = (name: string, text: string, mode = 0o644) => {
      writeFileSync(
        join(actions, `${name}.yaml`),
        `name: ${name}\nrunner_type: local-shell-script\nentry_point: ${name}.x\n`,
      );
      writeFileSync(join(actions, `${name}.x`), text, { mode });
    };
    add('python', '#!/usr/bin/env python3\nimport sys; print("py", len(sys.argv))\n');
    add('plain', 'echo plain $0\n');
    add('runnable', '#!/bin/sh\necho runnable\n', 0o755);
    add('empty', '');
    await withPacks([join(folder, 'packs')], async (inner) => {
      assert.is((await inner.run('p.python')).stdout, 'py 1\n');
      assert.match((await inner.run('p.plain')).stdout, /^plain .*plain\.x\n$/);
      assert.is((await inner.run('p.runnable')).stdout, 'runnable\n');
      assert.is((await inner.run('p.empty')).exitCode, 0);
      copyFileSync('/bin/true', join(actions, 'runnable.x'));
      chmodSync(join(actions, 'runnable.x'), 0o600);
      assert.match((await refusal(inner.run('p.runnable'))).message, 'chmod +x');
    });
    assert.is((await run('core.local_script', {}, 'echo no shebang; exit 4')).exitCode, 4);
  });
});

shell('a script that cannot start says why: CR LF in its first line, or a missing interpreter', async () => {
  await withPacks([], async ({ run }) => {
    const rows: [script: string, parameters: Record<string, unknown>, message: RegExp][] = [
      [
        '#!/bin/bash\r\necho hi\r\n',
        {},
        /^script: the first line ends in CR LF.*sed -i 's\/\\r\$\/\/' script$/,
      ],
      ['#!/bin/bash\r\n', { sudo: true }, /^script: the first line ends in CR LF/],
      ['#!/usr/bin/no-such-shell -x\necho hi\n', {}, /^script: .* \/usr\/bin\/no-such-shell, does not exist/],
    ];
    for (const [script, parameters, message] of rows) {
      const error = await refusal(run('core.local_script', parameters, script));
      assert.is(error.code, 'cannot-start');
      assert.match(error.message, message);
    }
    assert.is((await run('core.local_script', {}, 'echo one\n: \r\n')).exitCode, 0);
  });
});

shell('an uploaded script is private and lies in the folder of its execution', async () => {
  await withPacks([], async ({ run, folder }) => {
    const ran = await run('core.local_script', {}, '#!/bin/sh\nstat -c %a "$0"; dirname "$0"\n');
    assert.is(ran.stdout, `700\n${join(folder, '1')}\n`);
  });
});

shell('sudo is asked for without a terminal, the password never among the arguments', async () => {
  await withPacks([], async ({ runners, folder }) => {
    const runner = runners.find(({ name }) => name === 'local-shell-script') as Runner;
    const action = {
      ref: 'core.local_script',
      pack: 'core',
      name: 'local_script',
      runner: 'local-shell-script',
    };
    mkdirSync(join(folder, 'x'));
    const request = { executionId: 'x', action, folder: join(folder, 'x'), script: 'id' };
    const plain = await runner.prepare({ ...request, parameters: { sudo: true } });
    assert.equal(plain.command.slice(0, 4), ['sudo', '-E', '-n', '--']);
    const secret = await runner.prepare({ ...request, parameters: { sudo: true, sudo_password: 'hunter2' } });
    assert.not.match(secret.command.join(' '), 'hunter2');
    assert.equal(secret.command.slice(0, 4), ['sudo', '-E', '-A', '--']);
    assert.not.match(JSON.stringify(secret.env), 'hunter2');
    const asked = () => execFileSync(secret.env?.SUDO_ASKPASS ?? '', { stdio: ['ignore', 'pipe', 'ignore'] });
    assert.is(asked().toString(), 'hunter2\n');
    assert.throws(asked, 'the password is printed once');
    await refusal(runner.prepare({ ...request, parameters: { sudo: true, sudo_password: 'a\nb' } }));
  });
});

const python = suite('python-script');

python(
  'a class gets parameters, configuration, logger and datastore, and its return value is the result',
  async () => {
    await withPacks([PACKS], async ({ run }) => {
      const ran = await run('inventory.lookup', { name: 'web1', fields: ['rack'] });
      assert.is(ran.exitCode, 0, ran.stderr);
      assert.is(ran.stdout, 'searching\n');
      assert.match(ran.stderr, 'st2.actions.python.Lookup: INFO     looking for web1 in eu-west\n');
      assert.match(ran.stderr, 'DEBUG');
      assert.equal(ran.verdict, {
        succeeded: true,
        result: { machine: { rack: 'A1' }, region: 'eu-west', seen: 1, key: 's3cr3t-inventory-key' },
      });
      assert.equal(ran.launch.secrets, ['s3cr3t-inventory-key']);
      const quiet = await run('inventory.lookup', { name: 'db1', log_level: 'INFO' });
      assert.not.match(quiet.stderr, 'DEBUG');
      assert.is((quiet.verdict.result as { seen: number }).seen, 2);
    });
  },
);

python('a tuple says whether it succeeded', async () => {
  await withPacks([PACKS], async ({ run }) => {
    const loose = await run('inventory.lookup', { name: 'none' });
    assert.equal(loose.verdict, { succeeded: true, result: { error: 'no machine none' } });
    const strict = await run('inventory.lookup', { name: 'none', strict: true });
    assert.is(strict.exitCode, 0);
    assert.equal(strict.verdict, {
      succeeded: false,
      error: 'The action returned False',
      result: { error: 'no machine none' },
    });
  });
});

python('a plain script gets its parameters as arguments', async () => {
  await withPacks([PACKS], async ({ run }) => {
    assert.is((await run('inventory.ping', { count: 2 })).stdout, 'ping 1\nping 2\n');
    assert.is(
      (await run('core.python', { args: ['-x', "a'b"] }, 'import sys; print(sys.argv[1:])')).stdout,
      `['-x', "a'b"]\n`,
    );
    assert.is((await run('core.python', {}, 'raise SystemExit(7)')).exitCode, 7);
  });
});

const CLASS = (body: string, head = '') =>
  `${head}\nfrom st2common.runners.base_action import Action\nclass A(Action):\n    def run(self, **kw):\n        ${body}\n`;

python('an error of the action shows its own traceback only', async () => {
  await withPacks([], async ({ run }) => {
    const ran = await run('core.python', {}, CLASS('raise ValueError("oh no")'));
    assert.is(ran.exitCode, 1);
    assert.match(
      ran.stderr,
      /^Traceback[^\n]*\n {2}File "[^"]*script\.py", line 5, in run\n[\s\S]*ValueError: oh no\n$/,
    );
    assert.not.match(ran.stderr, 'run_action.py');
    assert.is(ran.verdict.succeeded, false);
    const syntax = await run('core.python', {}, 'def x(:\n  pass\n');
    assert.match(syntax.stderr, 'SyntaxError');
    assert.not.match(syntax.stderr, 'run_action.py');
    assert.is(syntax.exitCode, 1);
  });
});

python('run gets None for parameters without a value', async () => {
  await withFolder(async (folder) => {
    const actions = join(folder, 'p', 'actions');
    mkdirSync(actions, { recursive: true });
    writeFileSync(
      join(actions, 'a.yaml'),
      'name: a\nrunner_type: python-script\nentry_point: a.py\nparameters:\n  x: { type: string }\n  y: { default: 1 }\n',
    );
    writeFileSync(join(actions, 'a.py'), CLASS('return kw'));
    await withPacks([folder], async ({ run }) => {
      assert.equal((await run('p.a')).verdict.result, { x: null, y: 1 });
    });
  });
});

python('any return value becomes JSON', async () => {
  await withPacks([], async ({ run }) => {
    const rows: [string, unknown][] = [
      ['return None', null],
      ['return 5', 5],
      ['return {1: (2, {3}), "f": float("nan"), "b": b"x"}', { '1': [2, [3]], f: 'nan', b: 'x' }],
      ['return object.__name__', 'object'],
      ['return (True, [1])', [1]],
      ['return (1, 2, 3)', [1, 2, 3]],
      ['return (None, 4)', 4],
      ['return "\\u2028\\ud83d\\ude00"', '\u2028\u{1f600}'],
    ];
    for (const [body, wanted] of rows)
      assert.equal((await run('core.python', {}, CLASS(body))).verdict.result, wanted, body);
    const odd = await run('core.python', {}, CLASS('return ("a", "b")'));
    assert.is(odd.exitCode, 220);
    assert.match(odd.stderr, "starts with 'a'; it must start with True (succeeded) or False (failed)");
  });
});

python(
  'a class of the older import path, one with only a configuration, and one whose run is inherited work',
  async () => {
    await withPacks([], async ({ run }) => {
      const old =
        'from st2actions.runners.pythonrunner import Action\nclass Old(Action):\n    def run(self):\n        return "old"\n';
      assert.is((await run('core.python', {}, old)).verdict.result, 'old');
      const config =
        'from st2common.runners.base_action import Action\nclass C(Action):\n    def __init__(self, config):\n        super().__init__(config)\n    def run(self):\n        return self.action_service is not None\n';
      assert.is((await run('core.python', {}, config)).verdict.result, true);
      const inherited =
        'from st2common.runners.base_action import Action\nclass Base(Action):\n    def run(self):\n        return type(self).__name__\n    __abstractmethods__ = frozenset()\nclass Zed(Base):\n    pass\n';
      assert.ok(['Base', 'Zed'].includes((await run('core.python', {}, inherited)).verdict.result as string));
    });
  },
);

python('a value of 1 MB and hostile values reach run unharmed', async () => {
  await withFolder(async (folder) => {
    const actions = join(folder, 'p', 'actions');
    mkdirSync(actions, { recursive: true });
    writeFileSync(
      join(actions, 'a.yaml'),
      'name: a\nrunner_type: python-script\nentry_point: a.py\nparameters:\n  v: { type: string }\n',
    );
    writeFileSync(join(actions, 'a.py'), CLASS('return kw["v"]'));
    await withPacks([folder], async ({ run }) => {
      for (const v of [...HOSTILE, 'a\0b', 'x'.repeat(400_000)])
        assert.is((await run('p.a', { v })).verdict.result, v);
      writeFileSync(join(actions, 'a.py'), CLASS('return len(kw["v"])'));
      assert.is((await run('p.a', { v: 'x'.repeat(1 << 20) })).verdict.result, 1 << 20);
      writeFileSync(join(actions, 'a.py'), 'print("plain")\n');
      const plain = await run('p.a', { v: 'x'.repeat(1 << 20) });
      assert.is(plain.exitCode, 1);
      assert.match(plain.stderr, 'v: 1048');
    });
  });
});

python(
  'PYTHONPATH of the request is ignored, other variables are not; secrets are not left behind',
  async () => {
    await withPacks([], async ({ run, folder }) => {
      const ran = await run(
        'core.python',
        { env: { PYTHONPATH: '/evil', A: 'b' } },
        'import os; print(os.environ.get("PYTHONPATH"), os.environ["A"])',
      );
      assert.is(ran.stdout, 'None b\n');
      assert.equal(readdirSync(join(folder, '1')).sort(), ['hosts', 'script.py']);
    });
  },
);

python('the virtual environment of a pack is used where there is one', async () => {
  await withFolder(async (folder) => {
    const actions = join(folder, 'packs', 'p', 'actions');
    mkdirSync(actions, { recursive: true });
    const bin = join(folder, 'virtualenvs', 'p', 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(actions, 'a.yaml'), 'name: a\nrunner_type: python-script\nentry_point: a.py\n');
    writeFileSync(join(actions, 'a.py'), 'import os; print(os.environ["WHICH"])\n');
    writeFileSync(join(bin, 'python'), '#!/bin/sh\nWHICH=virtualenv exec python3 "$@"\n', { mode: 0o755 });
    await withPacks([join(folder, 'packs')], async ({ run }) => {
      const ran = await run('p.a');
      assert.is(ran.stdout, 'virtualenv\n', ran.stderr);
      assert.match(readFileSync(join(bin, 'python'), 'utf8'), 'virtualenv');
    });
  });
});

python('a result of some megabytes is kept', async () => {
  await withPacks([STACKSTORM], async ({ run }) => {
    assert.equal((await run('clash.big')).verdict.result, Array(6000).fill('x'.repeat(100)));
    const limit =
      'from st2common.runners.base_action import Action\nclass A(Action):\n  def run(self): return "x" * SIZE\n';
    const most = await run('core.python', {}, limit.replace('SIZE', '8_000_000'));
    assert.is(most.verdict.result?.toString().length, 8_000_000);
    const more = await run('core.python', {}, limit.replace('SIZE', '9_000_000'));
    assert.is(more.verdict.result === null, true);
    assert.match(more.stderr, /return value of run has 90\d+ bytes; the limit is 8388608/);
  });
});

python('the datastore keeps values of any JSON type, and refuses to encrypt', async () => {
  await withPacks([STACKSTORM], async ({ run }) => {
    assert.is((await run('clash.kv')).verdict.result, 5);
    const action = (body: string) =>
      `from st2common.runners.base_action import Action\nclass A(Action):\n  def run(self):\n${body}`;
    const script = action(
      '    store = self.datastore_service\n' +
        '    for value in [{"a": [1, None]}, False, 1.5, "text"]:\n' +
        '      store.set_value("v", value)\n' +
        '      assert self.action_service.get_value("v") == value, value\n' +
        '    return store.list_values()[0].value\n',
    );
    const ran = await run('core.python', {}, script);
    assert.is(ran.verdict.result, 'text', ran.stderr);
    const secret = action('    self.action_service.set_value("s", "v", encrypt=True)\n');
    const refused = await run('core.python', {}, secret);
    assert.is(refused.exitCode, 1);
    assert.match(refused.stderr, /datastore does not encrypt/);
    const set = await run('core.python', {}, action('    self.action_service.set_value("s", {1})\n'));
    assert.match(set.stderr, /not JSON serializable/);
    assert.is((await run('clash.kv')).verdict.result, 5, 'the file is still whole');
  });
});

python('exceptions of StackStorm can be imported', async () => {
  await withPacks([], async ({ run }) => {
    const script =
      'from st2common.exceptions import StackStormBaseException\n' +
      'from st2common.exceptions.action import InvalidActionParameterException as P\n' +
      'from st2common.exceptions.actionrunner import ActionRunnerException as R\n' +
      'try:\n  raise P("p")\nexcept StackStormBaseException as e:\n  print(e, issubclass(R, StackStormBaseException))\n';
    const ran = await run('core.python', {}, script);
    assert.is(ran.stdout, 'p True\n', ran.stderr);
  });
});

python("the programs of a pack's virtual environment are first on PATH", async () => {
  await withFolder(async (folder) => {
    const packs = join(folder, 'packs');
    cpSync(STACKSTORM, packs, { recursive: true });
    const bin = join(folder, 'virtualenvs', 'clash', 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'python'), '#!/bin/sh\nexec python3 "$@"\n', { mode: 0o755 });
    await withPacks([packs], async ({ run }) => {
      assert.is((await run('clash.venvpath')).verdict.result, bin);
    });
  });
});

python("a pack's configuration that needs StackStorm's datastore is refused, with file and key", async () => {
  await withFolder(async (folder) => {
    const packs = join(folder, 'packs');
    cpSync(STACKSTORM, packs, { recursive: true });
    mkdirSync(join(folder, 'configs'));
    const config = (text: string) => writeFileSync(join(folder, 'configs', 'clash.yaml'), text);
    await withPacks([packs], async ({ run }) => {
      config('api:\n  keys: ["{{ st2kv.system.key | decrypt_kv }}"]\n');
      const error = await refusal(run('clash.kv'));
      assert.is(error.code, 'invalid-pack-file');
      assert.match(
        error.message,
        /^configs\/clash\.yaml: api\.keys\.0: 'st2kv' names StackStorm's datastore/,
      );
      config('note: st2kv is a word here\n');
      assert.is((await run('clash.kv')).verdict.result, 5);
    });
  });
});

shell.run();
python.run();
