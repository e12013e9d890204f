import type { TokenResponse } from 'shared-token';
import type { Family, RefreshCall, RefreshToken, Window } from '../facts.ts';
import type { History } from '../history.ts';
import { leastScope } from './scopes.ts';

/**
 * What a provider does with a refresh token that was spent before. `lenient`: accepts it for ever, as Microsoft does. `strict`: takes
 * it for theft and revokes the sign-in. `grace`: accepts it for a while, then is strict. `constant`: refresh tokens are never replaced.
 */
export const providerKinds = ['lenient', 'strict', 'grace', 'constant'] as const;
export type ProviderKind = (typeof providerKinds)[number];

const gracePeriodMs = 10_000;

/** Every token has this in it, so that it is found wherever it should not be. */
export const secretMark = 's3cr3t';

export interface ProviderOptions {
  /** `first`: the first sign-in has one, and later ones have none. */
  readonly refreshTokens: 'always' | 'never' | 'first';
  /** How the answer to a refresh names the scopes. */
  readonly scopes: 'in order' | 'in another order' | 'left out';
  /** Whether refresh tokens have half a character, as a store may cut them. */
  readonly cutsTokens: boolean;
  readonly kind: ProviderKind;
  /** Undefined: the answer has no `expires_in`. */
  readonly lifetimeMs: number | undefined;
}

/** An OAuth provider: what it has given out, and what it answers. */
export class Provider {
  readonly #history: History;
  readonly options: ProviderOptions;

  constructor(history: History, options: ProviderOptions) {
    this.#history = history;
    this.options = options;
  }

  /** The person has signed in. */
  issue(name: string, clientId: string, window: Window | undefined, scope = leastScope): Family {
    const { families } = this.#history;
    const { refreshTokens } = this.options;
    const id = families.length + 1;
    const family: Family = {
      id,
      name,
      clientId,
      window,
      isBare: false,
      generation: 0,
      current: '',
      wasStored: false,
      scope,
      hasRefreshTokens: refreshTokens === 'always' || (refreshTokens === 'first' && id === 1),
    };
    families.push(family);
    if (family.hasRefreshTokens) this.#rotate(family, undefined);
    else family.generation++;
    return family;
  }

  /** The answer to a sign-in. */
  answer(family: Family): TokenResponse {
    const { lifetimeMs } = this.options;
    const generation = family.generation;
    const access = `at.${family.id}.${generation}.${secretMark}`;
    const expiresAt = lifetimeMs === undefined ? undefined : this.#history.machine.wallNow + lifetimeMs;
    this.#history.accesses.set(access, {
      value: access,
      family,
      generation,
      expiresAt,
      lifetimeMs,
      issuedAt: this.#history.machine.steps,
    });
    const answer: TokenResponse = { access_token: access, scope: family.scope, token_type: 'Bearer' };
    if (family.hasRefreshTokens) answer.refresh_token = family.current;
    if (lifetimeMs !== undefined) answer.expires_in = lifetimeMs / 1000;
    return answer;
  }

  /** A refresh request has arrived. Throws the provider's refusal. */
  refresh(call: RefreshCall, token: RefreshToken): TokenResponse {
    const { machine } = this.#history;
    const { family, spending } = token;
    const { kind } = this.options;
    if (family.revoked) throw refusal(token.value);
    const isInGrace = kind === 'grace' && spending && machine.now - spending.at <= gracePeriodMs;
    if (spending && kind !== 'lenient' && !isInGrace) {
      family.revoked = 'reuse';
      machine.note(undefined, `the provider revokes sign-in ${family.id}: a spent refresh token came again`);
      throw refusal(token.value);
    }
    const { scopes } = this.options;
    const scope = scopes === 'in another order' ? family.scope.split(' ').reverse().join(' ') : family.scope;
    const named = { scope: scopes === 'left out' ? undefined : scope };
    if (kind === 'constant') {
      family.generation++;
      return { ...this.answer(family), ...named, refresh_token: undefined };
    }
    token.spending ??= { at: machine.now, call };
    this.#rotate(family, token);
    return { ...this.answer(family), ...named };
  }

  #rotate(family: Family, parent: RefreshToken | undefined): void {
    family.generation++;
    // What SharedToken stores is well-formed. Another program's may not be.
    const isCut = this.options.cutsTokens && parent === undefined && family.window === undefined;
    family.current = `rt.${family.id}.${family.generation}.${secretMark}${isCut ? '\ud800' : ''}`;
    const token = { value: family.current, family, generation: family.generation };
    this.#history.refreshTokens.set(token.value, token);
  }
}

/** Some providers quote what they were sent. */
function refusal(token: string): Error {
  return Object.assign(new Error(`invalid_grant: ${token} is not accepted`), { error: 'invalid_grant' });
}
