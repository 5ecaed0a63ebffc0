/** Semantic versions, for StackStorm's version filters. */
import { TemplateError } from './template-error.ts';

interface Version {
  numbers: [major: number, minor: number, patch: number];
  prerelease: readonly string[];
}

const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function parse(text: string): Version {
  const match = VERSION.exec(text);
  if (!match) throw new TemplateError(`'${text}' is not a semantic version`);
  return {
    numbers: [Number(match[1]), Number(match[2]), Number(match[3])],
    prerelease: match[4] === undefined ? [] : match[4].split('.'),
  };
}

function comparePrerelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const [one, other] = [a[at] as string, b[at] as string];
    if (one === other) continue;
    const [x, y] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    if (x && y) return Math.sign(Number(one) - Number(other));
    if (x !== y) return x ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}

/** -1, 0 or 1. @throws TemplateError when one of them is not a version. */
export function compareVersions(a: string, b: string): number {
  const [one, other] = [parse(a), parse(b)];
  for (const [at, number] of one.numbers.entries()) {
    const order = Math.sign(number - (other.numbers[at] as number));
    if (order !== 0) return order;
  }
  return comparePrerelease(one.prerelease, other.prerelease);
}

const HOLDS: Record<string, (order: number) => boolean> = {
  '>=': (order) => order >= 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '<': (order) => order < 0,
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
};

/** @param condition `>=1.2.0`. */
export function matchesVersion(version: string, condition: string): boolean {
  const [, symbol = '', other = ''] = /^(>=|<=|==|!=|>|<)(.*)$/s.exec(condition) ?? [];
  const holds = HOLDS[symbol];
  if (!holds) throw new TemplateError(`'${condition}' does not begin with >=, <=, >, <, == or !=`);
  return holds(compareVersions(version, other));
}

/** @param part 0 for major, 1 for minor, 2 for patch. */
export function bumpVersion(version: string, part: 0 | 1 | 2): string {
  const { numbers } = parse(version);
  return numbers.map((number, at) => (at < part ? number : at === part ? number + 1 : 0)).join('.');
}

export const stripPatch = (version: string): string => parse(version).numbers.slice(0, 2).join('.');
