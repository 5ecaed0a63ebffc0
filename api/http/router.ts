/** Routers of the API: the values that a request carries, and validation failures as problems. */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Identity } from '../../access/identity.ts';
import { ServiceError } from '../../lib/errors.ts';

export interface Env {
  Variables: {
    requestId: string;
    identity: Identity;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the Node adapter's bindings are absent when a test calls the app
  Bindings: any;
}
export type ApiContext = Context<Env>;

export function createRouter(): OpenAPIHono<Env> {
  return new OpenAPIHono<Env>({
    strict: false,
    defaultHook: (result) => {
      if (result.success) return;
      const errors = result.error.issues.map((issue) => ({
        path: issue.path.join('.'),
        message: issue.message,
      }));
      const text = errors.map(({ path, message }) =>
        path && !message.startsWith('Parameter ') ? `${path}: ${message}` : message,
      );
      throw new ServiceError('validation-failed', text.join('; '), { errors });
    },
  });
}
