/**
 * Makes a request with an Idempotency-Key at most once: what an earlier one made is found in memory while the index may
 * not have it yet, and in the index for good.
 */
import { createHmac } from 'node:crypto';
import type { ExecutionRequested } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { Api } from '../deps.ts';
import { IDEMPOTENCY_DIGEST } from './execution-view.ts';
import { findExecution, settled } from './find-execution.ts';

interface Once {
  document: ExecutionDocument;
  /** True when it had been made before. */
  replayed: boolean;
}

/** Keys of requests that the index may not have yet. */
const REMEMBERED = 10_000;

export function idempotency(api: Pick<Api, 'index' | 'log' | 'projector' | 'keys'>) {
  const { index, keys } = api;
  /** Ids, not documents: these hold whole scripts. */
  const remembered = new Map<string, { digest: string; id: Promise<string> }>();

  async function stored(key: string): Promise<ExecutionDocument | undefined> {
    const find = async () => (await index.executions({ idempotencyKey: key, limit: 1 })).documents[0];
    return (await find()) ?? ((await settled(api)) ? find() : undefined);
  }

  async function findOrMake(
    key: string,
    digest: string,
    make: (digest: string) => Promise<ExecutionRequested>,
  ): Promise<Once> {
    const document = await stored(key);
    if (!document) return { document: applyEvent(undefined, await make(digest)), replayed: false };
    const before = document.context[IDEMPOTENCY_DIGEST];
    if (before !== undefined && before !== digest) throw conflict();
    return { document, replayed: true };
  }

  /** @throws ServiceError `idempotency-conflict` when the key was used for another body; what `make` throws. */
  return async function once(
    key: string,
    body: unknown,
    make: (digest: string) => Promise<ExecutionRequested>,
  ): Promise<Once> {
    // Keyed, because the body may hold secrets that are short enough to be guessed.
    const digest = createHmac('sha256', keys.token).update(JSON.stringify(body)).digest('base64url');
    const recent = remembered.get(key);
    if (recent) {
      if (recent.digest !== digest) throw conflict();
      return { document: await findExecution(api, await recent.id), replayed: true };
    }
    // Remembered before anything is awaited, so that of two at the same moment the second waits for the first.
    const answer = findOrMake(key, digest, make);
    const id = answer.then(({ document }) => document.id);
    remembered.set(key, { digest, id });
    if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value as string);
    id.catch(() => remembered.delete(key));
    return answer;
  };
}

function conflict(): ServiceError {
  return new ServiceError(
    'idempotency-conflict',
    'This Idempotency-Key was used for another request. Use a new key for a new execution.',
  );
}
