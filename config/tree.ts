/** The settings of a file as nested objects, and their dotted names. Pure. */
import { resolve } from 'node:path';
import { settingList } from './setting-list.ts';

export type Tree = { [key: string]: unknown };

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets a value by its dotted name; copies the objects on the way. */
export function put(tree: Tree, name: string, value: unknown): void {
  const keys = name.split('.');
  const last = keys.pop() as string;
  let node = tree;
  for (const key of keys) {
    const child = { ...(node[key] as Tree | undefined) };
    node[key] = child;
    node = child;
  }
  node[last] = value;
}

/** The dotted names of all values that are not objects. */
export function leaves(tree: Tree, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    isTree(value) ? leaves(value, `${prefix}${key}.`) : [`${prefix}${key}`],
  );
}

/** Makes the paths in a file absolute. They start from `folder`, the folder of the file. */
export function anchorPaths(tree: Tree, folder: string): Tree {
  const pathSettings = settingList().filter(({ path }) => path);
  const anchored = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(anchored);
    return typeof value === 'string' ? resolve(folder, value.trim()) : value;
  };
  const walk = (node: Tree, prefix: string): Tree =>
    Object.fromEntries(
      Object.entries(node).map(([key, value]) => {
        const name = `${prefix}${key}`;
        if (isTree(value)) return [key, walk(value, `${name}.`)];
        const setting = pathSettings.find((one) => one.name === name);
        if (!setting) return [key, value];
        const paths = setting.isList && typeof value === 'string' ? value.split(',') : value;
        return [key, anchored(paths)];
      }),
    );
  return walk(tree, '');
}
