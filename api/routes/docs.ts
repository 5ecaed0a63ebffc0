/**
 * The API's description: OpenAPI 3.1 for machines, and a page made from it for people that loads nothing from elsewhere.
 * Beside it the AsyncAPI document of the events, under the names that the topics have here.
 */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Api } from '../deps.ts';
import { asyncApiDocument } from '../docs/asyncapi.ts';
import { docsPage, type OpenApiDocument } from '../docs/docs-page.ts';
import { createRouter, type Env } from '../http/router.ts';

export function docsRoutes(app: OpenAPIHono<Env>, api: Api) {
  const router = createRouter();
  let document: OpenApiDocument | undefined;
  const describe = () => {
    document ??= openApiDocument(app, api.version);
    return document;
  };
  router.get('/openapi.json', (c) => c.json(describe(), 200));
  router.get('/asyncapi.json', (c) =>
    c.json(asyncApiDocument(api.version, api.config.kafka.topicPrefix), 200),
  );
  router.get('/docs', (c) =>
    c.html(docsPage(describe()), 200, {
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }),
  );
  return router;
}

export function openApiDocument(app: OpenAPIHono<Env>, version: string): OpenApiDocument {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'The token in <data>/token, or an API key',
  });
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Linefeed',
      version,
      description:
        'Runs commands and scripts and streams, searches, replays and keeps their output, line by line. Every route answers errors as application/problem+json.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
  }) as unknown as OpenApiDocument;
}
