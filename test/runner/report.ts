/** What the runner prints: a line a file while it runs, what is wrong again at the end, and `N passed, N failed`. */
import { styleText } from 'node:util';
import type { Outcome } from './run-file.ts';

const indented = (text: string) => text.replaceAll(/^/gm, '     ');

export function printOutcome(outcome: Outcome, number: number, count: number): void {
  const { file, passed, skipped, seconds, problem, notRun, output } = outcome;
  const at = styleText('dim', `[${String(number).padStart(String(count).length)}/${count}]`);
  if (notRun) {
    console.log(`${at} ${styleText('yellow', 'SKIPPED')} ${file}: ${notRun}`);
    return;
  }
  const mark = problem ? styleText('red', 'FAIL') : styleText('green', 'ok  ');
  const alsoSkipped = skipped ? `, ${skipped} skipped` : '';
  console.log(`${at} ${mark} ${file}  ${passed} passed${alsoSkipped}  ${seconds.toFixed(1)} s`);
  if (problem) console.log(`     ${problem}\n${indented(output)}`);
}

/** @returns whether the run as a whole is good. */
export function printSummary(outcomes: readonly Outcome[], unsteady: readonly Outcome[]): boolean {
  for (const { file, notRun } of outcomes) {
    if (notRun) console.log(styleText('yellow', `SKIPPED: ${file}: ${notRun}`));
  }
  for (const { file, problem } of unsteady)
    console.log(
      styleText('yellow', `UNSTEADY: ${file} passed only when run again, alone; before: ${problem}`),
    );
  for (const { file, problem } of outcomes) if (problem) console.log(`failed: ${file}: ${problem}`);
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && outcomes.length > 0;
}
