/** What a parsed expression is, and what it may see. */
import type { Work } from './work.ts';

export interface Scope {
  /** `Missing` when there is no such variable. */
  lookup(name: string): unknown;
  work: Work;
}

/** @throws TemplateError */
export type Expression = (scope: Scope) => unknown;

/** Counts each evaluation. */
export const counted =
  (expression: Expression): Expression =>
  (scope) => {
    scope.work.spend(1);
    return expression(scope);
  };
