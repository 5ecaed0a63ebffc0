/**
 * `linefeed doctor`: finds problems and says how to fix them.
 */
import type { Command } from 'commander';
import { examine } from '../checks.ts';
import { findConnection } from '../connection.ts';
import { action, withConnection } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { resultFormat } from '../output-options.ts';
import { toJson } from '../render/json.ts';

export function doctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .summary('find common problems')
    .description(
      'Checks the runtime, the server, the token, the disk and the clocks, and gives advice. Exits 1 if it finds a problem.',
    )
    .addOption(resultFormat());
  withConnection(command);
  action<{ output: 'text' | 'json'; url?: string; token?: string; data?: string; config?: string }, []>(
    command,
    async (context, options) => {
      const { terminal } = context;
      const findings = await examine(await findConnection(options, process.env));
      if (options.output === 'json') await terminal.print(toJson(findings));
      else {
        const marks = { ok: ['ok', 'green'], warning: ['warn', 'yellow'], problem: ['FAIL', 'red'] } as const;
        for (const { check, state, text, advice } of findings) {
          const [mark, colour] = marks[state];
          await terminal.print(`${terminal.style(mark.padEnd(4), colour)}  ${check.padEnd(10)}  ${text}`);
          for (const line of advice?.split('\n') ?? [])
            await terminal.print(`      ${' '.repeat(10)}  -> ${line}`);
        }
      }
      return findings.some(({ state }) => state === 'problem') ? 1 : EXIT.ok;
    },
  );
}
