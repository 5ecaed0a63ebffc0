/** The secret parameters of a request in clear, and the mask that hides them. */
import type { Seal } from '../../access/seal.ts';
import type { ExecutionRequested } from '../../events/event.ts';
import { compileExpression } from '../../lib/re2.ts';
import { createMask, type Mask } from '../capture/mask.ts';
import { isTooShortToMask } from '../capture/secret-forms.ts';

export interface RequestSecrets {
  of(requested: ExecutionRequested): Record<string, unknown>;
  /** Hides the secrets of the request, further values, and what the configured patterns match. */
  mask(requested: ExecutionRequested, further?: readonly string[]): Mask;
}

export function createRequestSecrets(seal: Seal, maskPatterns: readonly string[]): RequestSecrets {
  const expressions = maskPatterns.map((pattern) => compileExpression(pattern));
  const of = ({ sealed }: ExecutionRequested) => (sealed === undefined ? {} : seal.unseal(sealed));
  return {
    of,
    mask: (requested, further = []) => createMask([...secretValues(of(requested)), ...further], expressions),
  };
}

/** Names of the secret parameters of which a value is too short to mask. */
export function notMasked(secrets: Record<string, unknown>): string[] {
  return Object.keys(secrets).filter((name) =>
    secretValues({ [name]: secrets[name] }).some((value) => isTooShortToMask(value)),
  );
}

/** As strings to look for in output. */
function secretValues(secrets: Record<string, unknown>): string[] {
  return Object.values(secrets).flatMap((value) => {
    if (typeof value === 'string') return [value];
    if (typeof value === 'number') return [String(value)];
    if (Array.isArray(value))
      return secretValues(Object.fromEntries(value.entries()) as Record<string, unknown>);
    return value && typeof value === 'object' ? secretValues(value as Record<string, unknown>) : [];
  });
}
