/** Makes the page and keeps it in the file named by the one argument. Run as a process by page-site.ts, not imported. */
import { basename } from 'node:path';
import { pageKey } from './page-assets.ts';
import { buildSite, keepSite, siteFile } from './page-site.ts';

const file = process.argv[2] as string;
const site = await buildSite();
// a file of the page that was written meanwhile makes this another page than the one that was asked for
if (basename(file) === siteFile(pageKey())) keepSite(site, file);
