/** The validator's errors, in StackStorm's words. */
import type { ErrorObject } from 'ajv';
import { isSecret, type ParameterSchemas } from './parameter-schemas.ts';
import type { ParameterSchema } from './runner.ts';

const MASK = '********';

/** What a parameter should be. */
function expectation(schema: ParameterSchema): string {
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'any value');
  return schema.enum ? `one of ${JSON.stringify(schema.enum)}` : String(type);
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 76)}…${text.at(-1)}` : text;
}

/** @returns the path of the parameter and what is wrong with it; values of secret parameters are masked. */
export function validationMessage(
  error: ErrorObject,
  schemas: ParameterSchemas,
): { path: string; message: string } {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const top = path[0];
  const given = top !== undefined && isSecret(schemas[top]) ? MASK : error.data;
  const { params } = error;
  const where = top === undefined ? '' : ` (parameter '${path.join('.')}')`;
  switch (error.keyword) {
    case 'required': {
      const name = String(params.missingProperty);
      const schema = top === undefined ? schemas[name] : undefined;
      const hint = schema ? ` (${expectation(schema)})` : where;
      return { path: [...path, name].join('.'), message: `'${name}' is a required property${hint}` };
    }
    case 'additionalProperties': {
      const name = String(params.additionalProperty);
      return {
        path: [...path, name].join('.'),
        message: `Additional properties are not allowed (${shown(name)} was unexpected)${where}`,
      };
    }
    case 'type': {
      const types = String(params.type)
        .split(',')
        .map((type) => `'${type}'`);
      return { path: path.join('.'), message: `${shown(given)} is not of type ${types.join(', ')}${where}` };
    }
    case 'enum':
      return {
        path: path.join('.'),
        message: `${shown(given)} is not one of ${JSON.stringify(params.allowedValues)}${where}`,
      };
    case 'pattern':
      return {
        path: path.join('.'),
        message: `${shown(given)} does not match ${shown(params.pattern)}${where}`,
      };
    default:
      return { path: path.join('.'), message: `${shown(given)} ${error.message ?? 'is not valid'}${where}` };
  }
}
