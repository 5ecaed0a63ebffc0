/** Routes that only StackStorm's command line needs, mounted before our own. */

import type { Tokens } from '../../access/expiring-tokens.ts';
import type { Api, ExtraRoutes } from '../deps.ts';
import { createRouter } from '../http/router.ts';
import { authRoutes, LOGIN_PATHS } from './auth-routes.ts';
import { catalogueRoutes } from './catalogue-routes.ts';
import { st2ExecutionRoutes } from './execution-routes.ts';
import { st2StreamRoutes } from './stream-routes.ts';

/** @param tokens made with the keys that the application authenticates with. */
export function st2Routes(api: Api, tokens: Tokens): ExtraRoutes {
  const router = createRouter();
  for (const part of [
    authRoutes(api, tokens),
    catalogueRoutes(api),
    st2ExecutionRoutes(api),
    st2StreamRoutes(api),
  ]) {
    router.route('/', part);
  }
  return { router, publicPaths: LOGIN_PATHS };
}
