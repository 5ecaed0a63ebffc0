/** Who calls, what vouches for the caller, and what the caller may do. */
import { SCOPES, type Scope } from './key-store.ts';

/**
 * What vouches for an identity. Every kind is named: nothing is concluded from a field that is absent, so an identity
 * that lost a field on its way can become invalid, but never the owner.
 */
type Holder =
  /** Holds the installation's token. */
  | { kind: 'owner' }
  /** Holds the API key with this id. */
  | { kind: 'key'; id: string }
  /** A user of the configuration, who logged in with the password that this mark stands for. */
  | { kind: 'user'; passwordMark: string };

export interface Identity {
  /** A person's or a key's name; recorded as the user of what it requests. */
  name: string;
  /** Each scope includes the ones before it: admin may all, execute may read. */
  scopes: readonly Scope[];
  holder: Holder;
  /** Milliseconds since the epoch; `Infinity` for a credential that does not expire. */
  expiresAt: number;
}

function level(scopes: readonly Scope[]): number {
  return Math.max(-1, ...scopes.map((scope) => SCOPES.indexOf(scope)));
}

export function allows(identity: Pick<Identity, 'scopes'>, scope: Scope): boolean {
  return level(identity.scopes) >= SCOPES.indexOf(scope);
}

/** Those of the two that allow less. */
export function narrower(a: readonly Scope[], b: readonly Scope[]): readonly Scope[] {
  return level(a) <= level(b) ? a : b;
}
