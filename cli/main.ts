/**
 * The `linefeed` program: its commands and the options they share. Importing this file runs it.
 */
import { Command, CommanderError } from 'commander';
import { version } from '../lib/version.ts';
import { actionsCommand } from './commands/actions.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { doctorCommand } from './commands/doctor.ts';
import { cancelCommand, listCommand, showCommand } from './commands/executions.ts';
import { keysCommand } from './commands/keys.ts';
import { purgeCommand, rebuildCommand } from './commands/maintenance.ts';
import { eventsCommand, replayCommand } from './commands/replay.ts';
import { retentionCommand } from './commands/retention.ts';
import { rerunCommand, runCommand } from './commands/run.ts';
import { searchCommand } from './commands/search.ts';
import { serverCommand } from './commands/server.ts';
import { tailCommand } from './commands/tail.ts';
import { EXIT } from './exit-codes.ts';
import { flushOutput } from './render/terminal.ts';

function createProgram(): Command {
  const program = new Command('linefeed')
    .description(
      'Runs commands and scripts and streams, searches, replays and keeps their output, line by line.',
    )
    .version(version(), '-V, --version')
    .enablePositionalOptions()
    .showHelpAfterError('(see --help)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      `
Start here:
  $ npm start                                  the server (or: linefeed server)
  $ linefeed run -- ping -c 3 127.0.0.1        run a command and watch it
  $ linefeed run --detach -- ./build.sh        start it in the background
  $ linefeed tail last                         watch it from its first line, from any machine
  $ linefeed search error --since 1h           search all output

An id can be shortened to its first characters; \`last\` is the newest execution. LINEFEED_URL and LINEFEED_TOKEN select
another server, with https:// unless it is on this machine. Linefeed reads linefeed.yaml from the data folder, or the
file that --config names. linefeed doctor finds common problems.`,
    );
  program.commandsGroup('Run and follow:');
  for (const add of [runCommand, tailCommand, listCommand, showCommand, cancelCommand, rerunCommand])
    add(program);
  program.commandsGroup('Look back:');
  for (const add of [searchCommand, replayCommand, eventsCommand]) add(program);
  program.commandsGroup('Set up and maintain:');
  for (const add of [serverCommand, actionsCommand, keysCommand]) add(program);
  for (const add of [retentionCommand, purgeCommand, rebuildCommand]) add(program);
  for (const add of [configCommand, doctorCommand, completionCommand]) add(program);
  program.addHelpCommand(
    new Command('help')
      .argument('[command]')
      .description('help for a command')
      .helpGroup('Set up and maintain:'),
  );
  return program;
}

/** The value of `--timestamps` is optional: the next word is its value only if it is `long` or `short`. */
function withDefaultKinds(words: readonly string[]): string[] {
  const end = words.indexOf('--');
  return words.map((word, index) => {
    if (word !== '--timestamps' || (end >= 0 && index > end)) return word;
    return ['long', 'short'].includes(words[index + 1] ?? '') ? word : '--timestamps=long';
  });
}

try {
  await createProgram().parseAsync(withDefaultKinds(process.argv));
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed the error. Asking for help is not an error; giving no command is.
  const asked = ['commander.helpDisplayed', 'commander.version'].includes(error.code);
  await flushOutput();
  process.exit(asked ? EXIT.ok : EXIT.error);
}
