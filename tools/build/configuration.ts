/** Writes docs/configuration.md; a test fails when it is not what config/settings.ts says. */
import { writeFileSync } from 'node:fs';
import { configurationPage } from '../../config/reference.ts';

writeFileSync(new URL('../../docs/configuration.md', import.meta.url), configurationPage());
