/**
 * The URL of a module beside the caller, for what is not an import (worker threads, child scripts): it has the
 * caller's own extension, `.ts` in a checkout and `.js` in the published package.
 */
export function sibling(callerUrl: string, path: string): URL {
  return new URL(`${path}${callerUrl.endsWith('.ts') ? '.ts' : '.js'}`, callerUrl);
}
