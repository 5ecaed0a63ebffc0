/** The settings as a flat list, from the schema in settings.ts. */
import type { z } from 'zod';
import { type SettingInfo, settingInfo, settings } from './settings.ts';

export interface Setting extends SettingInfo {
  /** Dotted. */
  name: string;
  /** As a file would give it; undefined if there is none. */
  default: unknown;
  isList: boolean;
}

/** What the walk needs of a schema: its own definition, and that of the schema that it wraps. */
interface Definition {
  type: string;
  innerType?: z.core.$ZodType;
  defaultValue?: unknown;
  shape?: Record<string, z.core.$ZodType>;
}

const definitionOf = (schema: z.core.$ZodType) => schema._zod.def as unknown as Definition;

function walk(schema: z.core.$ZodType, name: string): Setting[] {
  const definition = definitionOf(schema);
  const info = settingInfo.get(schema as z.ZodType);
  if (info) {
    const { defaultValue } = definition;
    return [{ ...info, name, default: defaultValue, isList: Array.isArray(defaultValue) }];
  }
  if (definition.innerType) return walk(definition.innerType, name);
  return Object.entries(definition.shape ?? {}).flatMap(([key, child]) =>
    walk(child, name === '' ? key : `${name}.${key}`),
  );
}

let known: readonly Setting[] | undefined;

/** All settings, in the order of settings.ts. */
export function settingList(): readonly Setting[] {
  known ??= walk(settings, '');
  return known;
}
