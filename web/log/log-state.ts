/** What components show of a log. */
import type { ConnectionState } from '../client/subscription.ts';
import type { EndRecord, Execution } from '../types.ts';
import { type FindState, NOTHING_FOUND } from './finder.ts';
import type { LineRange } from './model/permalink.ts';
import type { RowsInput } from './visible-rows.ts';

export interface LogState extends RowsInput {
  execution: Execution | undefined;
  end: EndRecord | undefined;
  connection: ConnectionState;
  lines: number;
  following: boolean;
  /** Lines that have arrived since the reader stopped following. */
  unseen: number;
  visible: LineRange;
  hosts: string[];
  /** The outline that the filter needs is being loaded. */
  filtering: boolean;
  selection: LineRange | undefined;
  groups: number;
  firstError: number | undefined;
  /** Retention has deleted lines that were not loaded yet. */
  trimmed: boolean;
  error: string;
  find: FindState;
}

export const INITIAL_STATE: LogState = {
  execution: undefined,
  end: undefined,
  connection: { kind: 'connecting' },
  lines: 0,
  following: true,
  unseen: 0,
  visible: { from: 0, to: 0 },
  hosts: [],
  filter: {},
  filtering: false,
  selection: undefined,
  groups: 0,
  firstError: undefined,
  trimmed: false,
  error: '',
  find: NOTHING_FOUND,
  outline: undefined,
  replayed: undefined,
};
