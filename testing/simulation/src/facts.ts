import type { AccessToken, GetTokenOptions, SharedToken, SharedTokenEvent, TokenRecord } from 'shared-token';
import type { Process } from './machine/machine.ts';

/** What the provider gave out for one sign-in: the refresh tokens that follow each other, and their access tokens. */
export interface Family {
  readonly id: number;
  /** Under which name it belongs into the store, and of which client it is. */
  readonly name: string;
  clientId: string;
  /** Undefined: it was there when the schedule began. */
  readonly window: Window | undefined;
  /** Grows with each family. */
  readonly order: number;
  /** Another program stored it, without the lock. */
  isForeign: boolean;
  /** Its record was stored without the name of its client. */
  isBare: boolean;
  generation: number;
  current: string;
  /** It has another refresh token than at first. */
  isRotated: boolean;
  /** `person`: at the provider's own page. `reuse`: because a spent refresh token came again. */
  revoked?: 'person' | 'reuse';
  /** Why it may be lost: see the window in SECURITY.md. */
  excuse?: string;
  wasStored: boolean;
  /** When it was first stored, its `signIn` had been asked to stop: its callers were about to hear that. */
  cameLate?: boolean;
  /** The store said that a write of it failed, although it was done. */
  hasLostAnswer: boolean;
  /** The step in which its process learned that it had been stored all the same. */
  answerFoundAt?: number;
  /** What the person granted. */
  scope: string;
  readonly hasRefreshTokens: boolean;
  /** Whose sign-out deleted it, and in which step. */
  signedOut?: { readonly by: Process; readonly step: number };
  /** It was stored again after that: the sign-in was still under way. */
  wasStoredAgain?: boolean;
  /** When its exchange began, or, without `redeem`, when the person was asked. Undefined until its answer has reached SharedToken. */
  signedInAtMs?: number;
  /** The same by the clock of its process. */
  signedInAtWallMs?: number;
}

/** A refresh token that the provider knows. */
export interface RefreshToken {
  readonly value: string;
  readonly family: Family;
  readonly generation: number;
  /** The token that was spent for it. */
  readonly parent: RefreshToken | undefined;
  /** The step in which it was first stored. */
  storedAt?: number;
  spending?: Spending;
}

/** The provider has taken a refresh token and answered with the next one. */
export interface Spending {
  readonly at: number;
  readonly call: RefreshCall;
  /** The refresh token of the answer was durably stored. */
  isStored: boolean;
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
  /** The step in which it was stored that an API has rejected it, so that it has ended for all. */
  rejectedAt?: number;
  /** What belongs to it in the `data` of a record. */
  data?: string | undefined;
}

/** Who holds a lock of the store. */
export interface Holder {
  readonly process: Process;
  readonly fence: number;
  /** The step in which it asked for the lock. */
  readonly askedAt: number;
  /** The step in which it acquired it. */
  readonly since: number;
  /** By the machine's clock. A lock of the kernel ends with its process only. */
  endsAt: number;
  /** The same as far as its process can know: the store's clock may have been set. */
  knownEndsAt: number;
  hasSlipped?: boolean;
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
  /** Events so far that said that a token could not be stored. */
  storeFailures: number;
  /** The step of its last refresh that failed. */
  lastFailure: number;
  lastSignInFailure: number;
  /** Until when the provider does not want to be asked again, by the machine's clock. */
  retryAt: number;
  retryAfterMs: number;
  /** The call that was told so has got the old token instead. */
  pause?: { readonly since: number; readonly until: number; readonly token: string };
  /** A token that it may give out to its very end until then, by the machine's clock, because a refresh failed. */
  bridge?: { readonly token: string; readonly untilMs: number };
  /** The newest token that it has given out since its last sign-out. */
  given?: AccessToken | undefined;
  /** By the machine's clock. */
  givenAtMs: number;
  /** Access tokens that nothing can refresh, and that a forced call has rejected, with the step in which it ended. */
  readonly ended: Map<string, number>;
  /** Its last sign-in, and in which step an event said so. */
  signedIn?: { readonly family: Family; readonly step: number } | undefined;
  /** What its last refresh has brought, and in which step an event said so. */
  refreshed?: { readonly access: Access; readonly step: number };
  /** The steps in which the wall clock of its process was set. */
  readonly clockSteps: number[];
  /** Tokens that it gave out before they were stored. */
  readonly unstored: Access[];
  /** An event has said so. */
  mayHoldToken: boolean;
  isClosed: boolean;
  /** It was closed when all trouble was over. */
  wasClosedCalmly: boolean;
  /** Its process has ended by itself, after a close() that had enough time. */
  hasExited: boolean;
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
  /** The scopes that its instance needed then. */
  readonly needs: string;
  /** By the clock of its process. */
  readonly startedAtWallMs: number;
  /** The access token that this instance held then. */
  readonly held: string | undefined;
  /** The newest that it had given out. */
  readonly given: AccessToken | undefined;
  /** Whether its instance had released its locks, and knew it. */
  readonly isUnlocked: boolean;
  /** The record that was stored then. */
  readonly stored: TokenRecord | undefined;
  /** For a forced refresh: this instance had no token in memory yet, not even an expired one, and no other forced refresh was under way that it could join. */
  readonly isFresh: boolean;
  readonly abortReason: Error | undefined;
  outcome?: { value: unknown } | { error: unknown };
  settledAt?: number;
  /** It was answered because the store did not: what it had begun may go on. */
  mayGoOn?: boolean;
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
  /** When its answer came, by the machine's clock, until an event says that something could not be stored. */
  answeredAtMs?: number | undefined;
  /** When the provider's answer came, its process could know that its lock was lost. */
  hasLostLock?: boolean;
  /** The step in which the provider's refusal came. */
  refusedAt?: number;
  /** What the provider answered with. */
  brought?: Access;
  /** Why its answer may be lost. */
  excuse?: string;
  /** SharedToken has given up, because of time or because the lease was at its end. */
  isTooLate?: boolean;
  /** When its answer came although SharedToken did not wait for it any more, by the machine's clock. */
  lateAnswerAtMs?: number;
  /** The store failed before the answer was stored, for as long as it is tried with the lock held. Its process still has it. */
  isKeptInMemory?: boolean;
}

/** One call of the user's `signIn`: a window in front of the person. */
export interface Window {
  readonly instance: Instance;
  readonly signal: AbortSignal;
  readonly reason: string;
  /** Whether the code is exchanged by `redeem`. */
  readonly redeems: boolean;
  readonly openedAt: number;
  readonly holder: Holder | undefined;
  /** The sign-in that was stored when it began, as far as its process had read. */
  readonly found: Family | undefined;
  /** The scopes that its instance needed when the person was asked. */
  readonly asked: string;
  /** The scopes that it may have needed when it looked at what the person granted. */
  needs: string;
  /** The step in which its instance told of the sign-in. */
  judgedAt?: number;
  /** The person has answered, and the code is exchanged by `redeem`. */
  isExchanging: boolean;
  /** The signal ended the exchange before its time was up. */
  wasCutOff: boolean;
  isSettled: boolean;
}

/** A write of the store. */
interface Written {
  readonly type: 'written';
  readonly name: string;
  readonly before: TokenRecord | undefined;
  readonly record: TokenRecord;
  readonly by: Process | undefined;
  /** When it was asked for. */
  readonly asked: { readonly step: number; readonly ms: number };
}

/** What happens in a schedule, as far as a promise of SECURITY.md is about it. */
export type Fact =
  | { type: 'refresh-called'; call: RefreshCall }
  | { type: 'refresh-arrived'; call: RefreshCall; token: RefreshToken }
  | { type: 'person-asked'; window: Window }
  | { type: 'revoke-called'; instance: Instance; record: TokenRecord }
  | Written
  | { type: 'deleted'; name: string; before: TokenRecord; by: Process }
  | { type: 'call-settled'; call: Call }
  | { type: 'event'; instance: Instance; event: SharedTokenEvent }
  | { type: 'calm' }
  | { type: 'rested' }
  | { type: 'ended' };
