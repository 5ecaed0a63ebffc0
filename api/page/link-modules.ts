/**
 * Joins ES modules into one script that a browser loads in one request, in memory and without a build. Pure, and only
 * for modules as this project and preact write them: imports and exports that begin a line (or stand in minified code),
 * no cycles, no default exports, no exported variables that change. Anything else is an error, not a guess.
 */

export interface ModuleSource {
  /** JavaScript, types removed. */
  read(name: string): string;
  /** The name of the module that `specifier` means in module `from`. */
  resolve(specifier: string, from: string): string;
}

const IMPORT = /(^|[;}])import(?:\s*\{([^}]*)\}\s*from)?\s*(['"])([^'"]+)\3;?/gm;
const EXPORT_LIST = /(^|[;}])export\s*\{([^}]*)\};?/gm;
const DECLARATION = /^export (?=(?:async )?function\*? +(\w+)|const +(\w+)|class +(\w+))/gm;
const LEFT_OVER = /^(?:import|export)\b.*|\bimport\s*\(.*/m;

/** `a, b as c` as pairs of names. */
function pairs(list: string): [name: string, as: string][] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
    .map((item) => {
      const [name = '', as = name] = item.split(/\s+as\s+/);
      return [name, as];
    });
}

const field = (name: string, as: string) => (name === as ? name : `${name}: ${as}`);

/** One module script with `entry` and all that it imports, each run once, in the order of their imports. */
export function linkModules(entry: string, source: ModuleSource): string {
  const numbers = new Map<string, number>();
  const parts: string[] = [];

  function link(name: string, above: readonly string[]): number {
    const known = numbers.get(name);
    if (known !== undefined) return known;
    if (above.includes(name)) throw new Error(`Modules import each other: ${[...above, name].join(' -> ')}`);
    const exported: string[] = [];
    const body = source
      .read(name)
      .replace(IMPORT, (_, before: string, list: string | undefined, __, specifier: string) => {
        const number = link(source.resolve(specifier, name), [...above, name]);
        const names = pairs(list ?? '').map(([from, as]) => field(from, as));
        return names.length ? `${before}const { ${names.join(', ')} } = m${number};` : before;
      })
      .replace(DECLARATION, (_, ...found: (string | undefined)[]) => {
        exported.push(found.slice(0, 3).find((item) => item !== undefined) as string);
        return '';
      })
      .replace(EXPORT_LIST, (_, before: string, list: string) => {
        exported.push(...pairs(list).map(([own, as]) => field(as, own)));
        return before;
      });
    const odd = LEFT_OVER.exec(body);
    if (odd) throw new Error(`${name} cannot be joined with others: ${odd[0].slice(0, 80)}`);
    const number = numbers.size;
    numbers.set(name, number);
    parts.push(`const m${number} = (() => {\n${body}\nreturn { ${exported.join(', ')} };\n})();`);
    return number;
  }

  link(entry, []);
  return `${parts.join('\n')}\n`;
}
