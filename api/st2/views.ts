/** The SSE messages of StackStorm's event stream: executions, live actions and lines of output. */
import { wireTime } from '../../events/codec.ts';
import type { OutputAppended } from '../../events/event.ts';
import { globMatches } from '../../lib/glob.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import { executionJson } from '../executions/execution-view.ts';
import { sseMessage } from '../http/sse.ts';
import { linesOf } from '../output/line-selection.ts';

export const OUTPUT_EVENT = 'st2.execution.output__create';

/** For subscribers that name no events. Output is not included. */
export const DEFAULT_EVENTS = [
  'st2.announcement__*',
  'st2.execution__create',
  'st2.execution__update',
  'st2.execution__delete',
  'st2.liveaction__create',
  'st2.liveaction__update',
  'st2.liveaction__delete',
];

/** @param patterns names where `*` stands for any text. */
export function nameFilter(patterns: readonly string[]): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    let answer = known.get(name);
    if (answer === undefined) {
      answer = patterns.some((pattern) => globMatches(pattern, name));
      known.set(name, answer);
    }
    return answer;
  };
}

function liveActionJson(document: ExecutionDocument): Record<string, unknown> {
  const { id, status, action, parameters, context, start_timestamp, end_timestamp, result, liveaction } =
    executionJson(document);
  return {
    id,
    status,
    action: action.ref,
    parameters,
    context,
    start_timestamp,
    end_timestamp,
    result,
    runner_info: liveaction.runner_info,
  };
}

/** SSE messages of one change of an execution. `id` is sent where the stream can be resumed. */
export function executionMessages(
  document: ExecutionDocument,
  kind: 'create' | 'update',
  wanted: (name: string) => boolean,
  id?: number,
): Buffer[] {
  const messages: Buffer[] = [];
  if (wanted(`st2.liveaction__${kind}`)) {
    messages.push(sseMessage(`st2.liveaction__${kind}`, undefined, liveActionJson(document)));
  }
  if (wanted(`st2.execution__${kind}`)) {
    messages.push(sseMessage(`st2.execution__${kind}`, id, executionJson(document)));
  }
  return messages;
}

/** One message a line or part of a line. It must not have a `status`: clients recognise executions by that. */
export function outputMessages(
  chunk: OutputAppended,
  action: { ref: string; runner: string },
  id?: number,
): Buffer[] {
  const lines = linesOf(chunk).filter(({ start, end }) => end > start);
  const bytes = Buffer.from(chunk.data.buffer, chunk.data.byteOffset, chunk.data.byteLength);
  return lines.map(({ start, end }, index) =>
    sseMessage(OUTPUT_EVENT, index === lines.length - 1 ? id : undefined, {
      id: `${chunk.executionId}.${chunk.position}.${index}`,
      execution_id: chunk.executionId,
      action_ref: action.ref,
      runner_ref: action.runner,
      timestamp: wireTime(chunk.at),
      output_type: chunk.stream,
      data: bytes.toString('utf8', start, end),
      ...(chunk.host === undefined ? {} : { host: chunk.host }),
    }),
  );
}
