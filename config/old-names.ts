/**
 * Other names of settings: StackStorm's, which stay, and those of earlier versions of Linefeed, which come with a note.
 */
import { ServiceError } from '../lib/errors.ts';
import { settingList } from './setting-list.ts';
import { isTree, put, type Tree } from './tree.ts';

export interface Renamed {
  /** The setting's current name. */
  name: string;
  value: unknown;
  isStackStorm: boolean;
}

/** Sections of StackStorm's configuration. Linefeed once kept its own settings there too. */
const OLD_SECTIONS: Readonly<Record<string, string>> = {
  actionrunner: 'worker',
  garbagecollector: 'retention',
};

/** Settings of old sections with another name in the new one. */
const OLD_NAMES: Readonly<Record<string, string>> = { 'actionrunner.worker': 'worker.name' };

/** The current form of a setting with an old name; undefined if the name is current. */
export function currentName(name: string, value: unknown): Renamed | undefined {
  const [section = '', ...rest] = name.split('.');
  const newSection = OLD_SECTIONS[section];
  if (newSection === undefined) return undefined;
  const setting = settingList().find(({ stackstorm }) => stackstorm?.name === name);
  if (setting) {
    const unit = setting.stackstorm?.unit;
    const isBare = unit !== undefined && /^\d+(\.\d+)?$/.test(String(value).trim());
    return { name: setting.name, value: isBare ? `${value}${unit}` : value, isStackStorm: true };
  }
  return {
    name: OLD_NAMES[name] ?? [newSection, ...rest].join('.'),
    value,
    isStackStorm: false,
  };
}

/**
 * Moves the settings of old sections of a file to their current place.
 * @throws ServiceError `invalid-config` if the file has a setting under both names.
 */
export function renameSections(tree: Tree, onRenamed: (old: string, setting: Renamed) => void): Tree {
  const result = { ...tree };
  for (const section of Object.keys(OLD_SECTIONS)) {
    const settings = tree[section];
    if (settings === undefined) continue;
    delete result[section];
    for (const [key, value] of Object.entries(isTree(settings) ? settings : {})) {
      const old = `${section}.${key}`;
      const renamed = currentName(old, value) as Renamed;
      const [newSection = '', newKey = ''] = renamed.name.split('.');
      const current = result[newSection];
      if (isTree(current) && newKey in current) {
        throw new ServiceError('invalid-config', `${old} and ${renamed.name} are the same setting: keep one`);
      }
      put(result, renamed.name, renamed.value);
      onRenamed(old, renamed);
    }
  }
  return result;
}
