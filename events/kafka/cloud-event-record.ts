/** Records of what is no event of an execution (heartbeats, commands, keys): CloudEvents in binary mode, in topics of one partition. */
import { randomUUID } from 'node:crypto';

/** @param value null on a compacted topic: what lies under the key is forgotten. */
export function cloudEventRecord(key: string, type: string, source: string, value: object | null) {
  return {
    key,
    partition: 0,
    value: value === null ? null : JSON.stringify(value),
    headers: {
      ce_specversion: '1.0',
      ce_id: randomUUID(),
      ce_type: type,
      ce_source: source,
      ce_subject: key,
      ce_time: new Date().toISOString(),
      'content-type': 'application/json',
    },
  };
}
