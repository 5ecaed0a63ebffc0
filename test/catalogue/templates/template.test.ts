/** Templates against what real Jinja2 makes of them (jinja-table.json, written by jinja-table.py). */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTemplate } from '../../../catalogue/templates/template.ts';
import { TemplateError } from '../../../catalogue/templates/template-error.ts';
import { text } from '../../../catalogue/templates/text.ts';
import { Missing } from '../../../catalogue/templates/values.ts';
import { createWork } from '../../../catalogue/templates/work.ts';
import { readYaml } from '../../../catalogue/yaml.ts';

const test = suite('templates');

interface Table {
  variables: Record<string, unknown>;
  /** Null where Jinja refuses the template. */
  rows: [template: string, rendered: string | null][];
}

const table = JSON.parse(readFileSync(new URL('jinja-table.json', import.meta.url), 'utf8')) as Table;

/** Jinja renders these, Linefeed refuses them. Nothing may render differently. */
const REFUSED = new Set([
  '{{ [x] }}',
  '{{ {"a": x} }}',
  '{{ 1 is sameas 1 }}',
  '{{ deep.list | map(attribute="z") | list }}',
]);

/** Written in another style of YAML, with the same meaning. */
const isYaml = (template: string): boolean => template.includes('to_yaml_string');

function render(template: string, variables = table.variables): string {
  const work = createWork();
  const lookup = (name: string) => (Object.hasOwn(variables, name) ? variables[name] : new Missing(name));
  return text(parseTemplate(template)({ work, lookup }), work);
}

function outcome(template: string): string | null {
  try {
    return render(template);
  } catch (error) {
    if (error instanceof TemplateError) return null;
    throw error;
  }
}

test('every template renders as in Jinja, or is refused', () => {
  assert.ok(table.rows.length > 600);
  const wrong = table.rows
    .map(([template, jinja]) => ({
      template,
      jinja: REFUSED.has(template) ? null : jinja,
      ours: outcome(template),
    }))
    .filter(({ template, jinja, ours }) => {
      if (jinja === ours) return false;
      if (!isYaml(template) || jinja === null || ours === null) return true;
      return JSON.stringify(readYaml(jinja, '').value) !== JSON.stringify(readYaml(ours, '').value);
    });
  assert.equal(wrong, []);
});

test.run();
