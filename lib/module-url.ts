/**
 * The URL of a module beside the caller that is not imported (a thread, a child script). It has the caller's own
 * extension: `.ts` in a checkout and `.js` in the published package.
 *
 * @param path without the extension.
 */
export function siblingModuleUrl(callerUrl: string, path: string): URL {
  return new URL(`${path}${callerUrl.endsWith('.ts') ? '.ts' : '.js'}`, callerUrl);
}
