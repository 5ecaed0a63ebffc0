/** Puts changed executions into the list that is shown. Pure. */
import type { Execution } from '../../types.ts';

export interface ExecutionFilter {
  /** Status words with commas between; empty for all. */
  status: string;
  text: string;
}

/** Whether an execution belongs in the list, as the server would decide. */
export function matches(execution: Execution, { status, text }: ExecutionFilter): boolean {
  if (status && !status.split(',').includes(execution.status)) return false;
  if (!text) return true;
  const { id, action, context, parameters } = execution;
  const haystack = `${id} ${action.ref} ${context.user ?? ''} ${JSON.stringify(parameters)}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => haystack.includes(word));
}

/** Replaces the executions that are in the list, and puts new ones that match first, the newest of them on top. */
export function mergeExecutions(
  items: readonly Execution[],
  changed: readonly Execution[],
  filter: ExecutionFilter,
): { items: Execution[]; added: number } {
  const fresh = new Map(changed.map((item) => [item.id, item]));
  const known = new Set(items.map((item) => item.id));
  const added = changed.filter((item) => !known.has(item.id) && matches(item, filter));
  added.sort((a, b) => (a.id < b.id ? 1 : -1));
  return { items: [...added, ...items.map((item) => fresh.get(item.id) ?? item)], added: added.length };
}
