/**
 * The program: its commands and what holds for all of them. Importing it runs it.
 */
import { Command, CommanderError } from 'commander';
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
import { version } from './version.ts';

function createProgram(): Command {
  const program = new Command('linefeed')
    .description(
      'Runs commands and scripts and streams, searches, replays and keeps their output, line by line.',
    )
    .version(version(), '-V, --version')
    .enablePositionalOptions()
    .showHelpAfterError('(--help shows how it is used)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      `
Start here:
  $ npm start                                  the server (or: linefeed server)
  $ linefeed run -- ping -c 3 127.0.0.1        run something and watch it
  $ linefeed run --detach -- ./build.sh        or let it run, and
  $ linefeed tail last                         watch it from anywhere, from its first line
  $ linefeed search error --since 1h           find lines in all output

Where an id is asked for, its beginning or \`last\` will do. LINEFEED_URL and LINEFEED_TOKEN name another server,
https:// unless it is on this machine. A linefeed.yaml is read from the data folder, or named with --config.
linefeed doctor finds out why something does not work.`,
    );
  program.commandsGroup('Run and follow:');
  for (const add of [runCommand, tailCommand, listCommand, showCommand, cancelCommand, rerunCommand])
    add(program);
  program.commandsGroup('Look back:');
  for (const add of [searchCommand, replayCommand, eventsCommand]) add(program);
  program.commandsGroup('Set up and keep:');
  for (const add of [serverCommand, actionsCommand, keysCommand]) add(program);
  for (const add of [retentionCommand, purgeCommand, rebuildCommand]) add(program);
  for (const add of [configCommand, doctorCommand, completionCommand]) add(program);
  program.addHelpCommand(
    new Command('help').argument('[command]').description('help for a command').helpGroup('Set up and keep:'),
  );
  return program;
}

/** `--timestamps` takes a kind or nothing; what follows it is its value only when it is one. */
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
  // Commander has said what is wrong; asking for help is no error, giving no command is.
  const asked = ['commander.helpDisplayed', 'commander.version'].includes(error.code);
  await flushOutput();
  process.exit(asked ? EXIT.ok : EXIT.error);
}
