import type { AccessToken, GetTokenOptions, SharedToken, SharedTokenEvent, TokenRecord } from 'shared-token';
import type { Process } from './machine/machine.ts';

/**
 * What has gone wrong in a schedule so far, of what a promise may name as its exception.
 * `clock`: a wall clock was set. `stop`: a process stood still or was slow. `kill`: one was killed. `lease`: a lease ended at another
 * time than it should. `network`: an exchange with the provider was not plain. `store`: a call of the store failed or was not answered.
 * `late`: one took long. `foreign`: another program wrote without the lock.
 */
export type Trouble = 'clock' | 'stop' | 'kill' | 'lease' | 'network' | 'store' | 'late' | 'foreign';

/** What the provider gave out for one sign-in: the refresh tokens that follow each other, and their access tokens. */
export interface Family {
  /** Grows with each family. */
  readonly id: number;
  /** Under which name it belongs into the store, and of which client it is. */
  readonly name: string;
  clientId: string;
  /** Undefined: it was there when the schedule began, or another program stored it. */
  readonly window: Window | undefined;
  /** Its record was stored without the name of its client. */
  isBare: boolean;
  generation: number;
  current: string;
  /** `person`: at the provider's own page. `reuse`: because a spent refresh token came again. */
  revoked?: 'person' | 'reuse';
  /** Why it may be lost: see the window in SECURITY.md. */
  excuse?: string;
  wasStored: boolean;
  /** `revoke` was called for it. */
  wasRevoked?: boolean;
  /** What the person granted. */
  scope: string;
  readonly hasRefreshTokens: boolean;
  /** Whose sign-out deleted it, and in which step. */
  signedOut?: { readonly by: Process; readonly step: number };
  /** When its exchange began, or, without `redeem`, when the person was asked. Undefined until its answer has reached SharedToken. */
  signedInAtMs?: number;
}

/** A refresh token that the provider knows. */
export interface RefreshToken {
  readonly value: string;
  readonly family: Family;
  readonly generation: number;
  /** The provider has taken it and answered with the next one. */
  spending?: { readonly at: number; readonly call: RefreshCall };
}

export interface Access {
  readonly value: string;
  readonly family: Family;
  readonly generation: number;
  /** By the world's wall clock. Undefined: the provider did not say. */
  readonly expiresAt: number | undefined;
  readonly lifetimeMs: number | undefined;
  /** The step in which the provider gave it out. */
  readonly issuedAt: number;
  /** The step in which it was first stored. */
  storedAt?: number;
  /** What belongs to it in the `data` of a record. */
  data?: string | undefined;
}

/** Who holds a lock of the store. */
export interface Holder {
  readonly process: Process;
  /** The step in which it asked for the lock. */
  readonly askedAt: number;
  /** By the machine's clock. A lock of the kernel ends with its process only. */
  endsAt: number;
  /** The same as far as its process can know: the store's clock may have been set. */
  knownEndsAt: number;
  /** What its task has read last, and in which step the task asked for it. */
  lastRead?: { readonly record: TokenRecord | undefined; readonly askedAt: number };
  /** Its task ended while it still had the lock. */
  isReleased?: boolean;
  /** Tells the process that its lease has ended. */
  lose?: () => void;
  /** Whether that signal aborts then. */
  leadsTo?: (signal: AbortSignal) => boolean;
}

/** One SharedToken of one process. */
export interface Instance {
  readonly process: Process;
  readonly label: string;
  readonly name: string;
  readonly clientId: string;
  /** It has no person to ask. */
  readonly isSilent: boolean;
  /** The scopes that it needs. */
  needs: string;
  readonly token: SharedToken;
  /** Changes an object that a call gave. */
  readonly change: (object: object) => void;
  readonly calls: Set<Call>;
  /** The steps in which its sign-outs began that succeeded. */
  readonly signOuts: number[];
  /** The steps in which its sign-outs began, whatever became of them. */
  readonly triedSignOuts: number[];
  /** An event has said that a token could not be stored. */
  hasSaidStoreFailed: boolean;
  /** The token that it has given out last, since its last sign-out. */
  given?: AccessToken | undefined;
  isClosed: boolean;
  /** It was closed when all trouble was over. */
  wasClosedCalmly: boolean;
}

export type Method = 'getToken' | 'signIn' | 'signOut' | 'read' | 'peek' | 'close';

export type CallOptions = Pick<GetTokenOptions, 'forceRefresh' | 'interactive' | 'minValid'>;

/** One call of a method. */
export interface Call {
  readonly instance: Instance;
  readonly method: Method;
  readonly options: CallOptions;
  readonly startedAt: number;
  /** By the machine's clock. */
  readonly startedAtMs: number;
  /** By the clock of its process. */
  readonly startedAtWallMs: number;
  /** The scopes that its instance needed then. */
  readonly needs: string;
  /** The token that this instance had given out last. */
  readonly given: AccessToken | undefined;
  /** This instance had read the record before. */
  readonly hasRead: boolean;
  /** The record that was stored then. */
  readonly stored: TokenRecord | undefined;
  readonly abortReason: Error | undefined;
  settledAt?: number;
  /** What it gave, unless it is a call of read(). */
  token?: AccessToken;
  /** The same as the provider knows it. */
  access?: Access | undefined;
  /** What it ended in otherwise, and what that says. */
  error?: unknown;
  code?: string;
  reason?: string;
}

/** One call of the user's `refresh`. */
export interface RefreshCall {
  readonly instance: Instance;
  readonly record: TokenRecord;
  readonly signal: AbortSignal;
  readonly calledAt: number;
  /** The lock that it runs under. */
  readonly holder: Holder | undefined;
  /** When SharedToken stops waiting for it. */
  readonly deadline: number;
  isSettled: boolean;
  /** The step in which the provider's refusal came. */
  refusedAt?: number;
  /** Until when the provider does not want to be asked again, by the machine's clock. */
  retryAtMs?: number;
  /** The step in which an event said that it failed. */
  toldAt?: number;
  /** What the provider answered with. */
  brought?: Access;
  /** The answer has come, in time or not. */
  isAnswered?: boolean;
  /** Why its answer may be lost. */
  excuse?: string;
}

/** One call of the user's `signIn`: a window in front of the person. */
export interface Window {
  readonly instance: Instance;
  readonly signal: AbortSignal;
  readonly reason: string;
  readonly openedAt: number;
  readonly openedAtMs: number;
  readonly holder: Holder | undefined;
  /** The sign-in that was stored when it began, as far as its process had read. */
  readonly found: Family | undefined;
  /** The scopes that its instance needed when the person was asked. */
  readonly asked: string;
  /** The same as it may have grown until the last call that waited for it ended. */
  needs: string;
  /** The person has answered in time, and the code is exchanged by `redeem`. */
  isExchanging: boolean;
  /** By the machine's clock. */
  answeredAtMs?: number;
  isSettled: boolean;
}

/** What happens in a schedule, as far as a promise is about it. */
export type Fact =
  | { type: 'refresh-called'; call: RefreshCall }
  | { type: 'refresh-arrived'; call: RefreshCall; token: RefreshToken }
  | { type: 'person-asked'; window: Window }
  | { type: 'revoke-called'; instance: Instance; record: TokenRecord }
  | { type: 'written'; name: string; before: TokenRecord | undefined; record: TokenRecord; by: Process | undefined }
  | { type: 'deleted'; name: string; before: TokenRecord; by: Process }
  | { type: 'call-settled'; call: Call }
  | { type: 'event'; instance: Instance; event: SharedTokenEvent }
  | { type: 'calm' }
  | { type: 'rested' }
  | { type: 'ended' };
