/**
 * The API's description as one plain page. Everything in it comes from the OpenAPI document; everything is escaped.
 */
import { html, raw } from 'hono/html';

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: { type?: string; enum?: string[]; default?: unknown };
}

interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: unknown;
  responses?: Record<string, { description?: string; content?: Record<string, unknown> }>;
}

export interface OpenApiDocument {
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, Operation>>;
  [field: string]: unknown;
}

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, .path { font-family: ui-monospace, monospace; font-size: .92em; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; } .method { display: inline-block; min-width: 4.5rem; font-weight: 700; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); }
pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); border-radius: 6px; }`;

export function docsPage(document: OpenApiDocument) {
  const groups = new Map<string, ReturnType<typeof operation>[]>();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, entry] of Object.entries(methods)) {
      const tag = entry.tags?.[0] ?? 'Other';
      groups.set(tag, [...(groups.get(tag) ?? []), operation(method, path, entry)]);
    }
  }
  const { title, version, description } = document.info;
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} API</title><style>${raw(STYLE)}</style></head>
<body>
<h1>${title} API <small>${version}</small></h1>
<p>${description ?? ''}</p>
<p>For machines: <a href="/openapi.json">/openapi.json</a>. The events behind it, as they lie in Kafka:
<a href="/asyncapi.json">/asyncapi.json</a>.</p>
<pre>curl -H "Authorization: Bearer $(cat ~/.linefeed/token)" -H 'Content-Type: application/json' \\
     -d '{"action":"core.local","parameters":{"cmd":"for i in 1 2 3; do echo $i; sleep 1; done"}}' \\
     http://127.0.0.1:9101/v1/executions
curl -N -H "Authorization: Bearer $(cat ~/.linefeed/token)" http://127.0.0.1:9101/v1/executions/last/output</pre>
${[...groups].map(([tag, operations]) => html`<h2>${tag}</h2>${operations}`)}
</body></html>`;
}

function operation(method: string, path: string, entry: Operation) {
  const parameters = entry.parameters ?? [];
  return html`<details>
<summary><span class="method">${method.toUpperCase()}</span> <span class="path">${path}</span> — ${entry.summary ?? ''}</summary>
${entry.description ? html`<p>${entry.description}</p>` : ''}
${
  parameters.length > 0
    ? html`<table><tr><th>Parameter</th><th>In</th><th>Type</th><th>What</th></tr>
${parameters.map(
  (
    parameter,
  ) => html`<tr><td><code>${parameter.name}</code>${parameter.required ? ' *' : ''}</td><td>${parameter.in}</td>
<td>${parameter.schema?.enum?.join(' | ') ?? parameter.schema?.type ?? ''}</td><td>${parameter.description ?? ''}</td></tr>`,
)}</table>`
    : ''
}
${entry.requestBody ? html`<p>Body:</p><pre>${JSON.stringify(entry.requestBody, null, 2)}</pre>` : ''}
<table><tr><th>Answer</th><th>What</th><th>Types</th></tr>
${Object.entries(entry.responses ?? {}).map(
  ([status, response]) => html`<tr><td>${status}</td><td>${response.description ?? ''}</td>
<td>${Object.keys(response.content ?? {}).join(', ')}</td></tr>`,
)}</table>
</details>`;
}
