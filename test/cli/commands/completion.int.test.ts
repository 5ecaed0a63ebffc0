import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startOnTerminal } from '../../support/cli.ts';
import { served } from '../../support/cli-server.ts';

const test = suite('linefeed completion');

test(
  'completion comes from the tree of commands, and ids and actions from the server',
  served(async (server, folder) => {
    const id = await server.run('echo one');
    const complete = async (...words: string[]) => (await cli(server, ['__complete', '--', ...words])).text;
    assert.match(await complete('ta'), /^tail\t/);
    assert.match(await complete(''), /^run\t[\s\S]*^doctor\t/m);
    assert.not.match(await complete(''), '__complete');
    assert.is(await complete('tail', '--stream', ''), 'stdout\nstderr\n');
    assert.is(await complete('tail', '--stream=std'), '--stream=stdout\n--stream=stderr\n');
    assert.match(await complete('tail', '--time'), /^--timestamps\t/);
    assert.match(await complete('keys', 'c'), /^create\t/);
    assert.match(await complete('tail', ''), new RegExp(`^last\t.*\n${id}\t.*echo one`));
    assert.match(await complete('tail', id.slice(0, 14)), id);
    assert.match(await complete('search', '-x', ''), id);
    assert.match(await complete('run', '--action', 'core.lo'), /^core\.local\t/m);
    assert.is(await complete('run', '--script', ''), ':files\n');
    assert.is(await complete('completion', 'z'), 'zsh\n');

    const { text: script } = await cli(server, ['completion', 'bash']);
    await writeFile(join(folder, 'completion.bash'), script);
    const launcher = new URL('../../../bin/linefeed.js', import.meta.url).pathname;
    await writeFile(join(folder, 'linefeed'), `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`);
    await chmod(join(folder, 'linefeed'), 0o755);
    const asked = `source ${folder}/completion.bash; COMP_WORDS=(${folder}/linefeed tail --str); COMP_CWORD=2; _linefeed; echo "<\${COMPREPLY[*]}>"; COMP_WORDS=(${folder}/linefeed show ''); COMP_CWORD=2; _linefeed; echo "<\${COMPREPLY[1]}>"`;
    const shell = await startOnTerminal(server, asked).ended;
    assert.match(shell.text, '<--stream>');
    assert.match(shell.text, `<${id}>`);
    for (const name of ['zsh', 'fish'])
      assert.match((await cli(server, ['completion', name])).text, '__complete --');
  }),
);

test.run();
