/**
 * An example of a runner. It runs one SQL statement on an SQLite file with Node's driver, writes each row to stdout as one line of
 * JSON while it reads, and returns the number of rows as the result.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const PROGRAM = `
  const { readFileSync, writeFileSync } = require('node:fs');
  const { DatabaseSync } = require('node:sqlite');
  const job = JSON.parse(readFileSync(process.argv[1], 'utf8'));
  const database = new DatabaseSync(job.file, { readOnly: true });
  let rows = 0;
  for (const row of database.prepare(job.sql).iterate()) {
    console.log(JSON.stringify(row));
    rows += 1;
  }
  writeFileSync(job.result, JSON.stringify({ rows }));
`;

export default {
  name: 'sqlite-query',
  description: 'Runs one SQL statement on an SQLite file.',
  parameters: {
    file: { type: 'string', required: true, description: 'Path of the SQLite file.' },
    sql: { type: 'string', required: true, description: 'SQL statement to run.' },
    timeout: { type: 'integer', default: 30, description: 'Time limit in seconds.' },
  },
  async prepare({ parameters, folder }: { parameters: Record<string, unknown>; folder: string }) {
    const job = join(folder, 'job.json');
    const { file, sql } = parameters;
    await writeFile(job, JSON.stringify({ file, sql, result: join(folder, 'result.json') }), { mode: 0o600 });
    return {
      command: [process.execPath, '--no-warnings', '-e', PROGRAM, job],
      unbuffer: false,
      timeoutS: Number(parameters.timeout),
    };
  },
  conclude({ exitCode, result }: { exitCode: number | null; result?: unknown }) {
    if (exitCode === 0) return { succeeded: true, result };
    return { succeeded: false, error: 'The statement failed; see stderr' };
  },
};
