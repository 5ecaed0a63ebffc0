/** Fuzzes the API against its own description. @needs schemathesis */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApiDocument } from '../../api/routes/docs.ts';
import { pythonProgram } from '../../tools/install/python-program.ts';
import { SCHEMATHESIS } from '../../tools/install/tools.ts';
import { withApi } from '../support/api.ts';
import type { Json } from '../support/sse.ts';

const SECONDS = 30;

const Fuzz = suite('schemathesis');

function run(command: string, args: string[], cwd: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, NO_COLOR: '1', COLUMNS: '160' } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

Fuzz(
  'half a minute of requests made from the description meets no 5xx and no undocumented answer',
  async () => {
    const program = pythonProgram(SCHEMATHESIS) as string;
    await withApi(
      async ({ app, keys, server, folder, execution, logged }) => {
        await execution([{ text: 'needle\nhay\n' }, { text: 'err\n', stream: 'stderr' }]);
        const document = openApiDocument(app, '1') as Json;
        // These never end by themselves; they have tests of their own.
        delete document.paths['/v1/stream'];
        const { parameters } = document.paths['/v1/search'].get;
        document.paths['/v1/search'].get.parameters = parameters.filter((one: Json) => one.name !== 'follow');
        const file = join(folder, 'openapi.json');
        await writeFile(file, JSON.stringify(document));
        const checks = [
          'not_a_server_error',
          'status_code_conformance',
          'content_type_conformance',
          'response_headers_conformance',
          'response_schema_conformance',
          'ignored_auth',
        ];
        const { code, output } = await run(
          program,
          [
            'run',
            file,
            '--url',
            server?.url as string,
            '--header',
            `Authorization: Bearer ${keys.token}`,
            '--checks',
            checks.join(','),
            '--phases',
            'examples,coverage,fuzzing',
            '--max-examples',
            '25',
            '--max-time',
            String(SECONDS),
            '--request-timeout',
            '20',
            '--seed',
            '7',
            '--warnings',
            'off',
            '--continue-on-failure',
          ],
          folder,
        );
        assert.is(
          code,
          0,
          `${output.replace(/\S{300,}/g, (long) => `${long.slice(0, 100)}…`).slice(-8000)}\n${logged
            .filter((line) => line.includes('"level":50'))
            .slice(0, 5)
            .join('\n')}`,
        );
        assert.match(output, /\d+ passed/);
      },
      {
        serve: true,
        completes: true,
        deps: {
          retention: { sweep: async () => ({ executions: 0, outputs: 0, freedBytes: 0 }) },
          rebuild: async (onProgress) => onProgress({ events: 1 }),
        },
      },
    );
  },
);

Fuzz.run();
