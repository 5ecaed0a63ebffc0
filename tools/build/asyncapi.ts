/** Writes docs/asyncapi.json; a test fails when it is not what the code says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { asyncApiDocument } from '../../api/docs/asyncapi.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const target = new URL('../../docs/asyncapi.json', import.meta.url);
writeFileSync(target, `${JSON.stringify(asyncApiDocument(version), null, 2)}\n`);
