import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { signInAs } from 'testing-authority';
import type { Program } from './program.ts';

/** Milliseconds since the epoch, as the programs count them. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Lets a program sign in. Returns how many milliseconds that took without the provider: without the time from its call of the browser
 * to the first request to its redirect URI, and without the time in which the authority worked on its own requests.
 * `since`: the start of the sign-in. Default: the time at which the program was told to sign in.
 */
export async function timeSignIn(program: Program, since?: number): Promise<number> {
  const seen = new ProviderTime();
  try {
    program.tell();
    const { open = '', at = Number.NaN, failed: early } = await program.nextLine();
    if (early) throw new Error(early);
    seen.port = portOf(open);
    await signInAs(open);
    const { failed, started = Number.NaN, done = Number.NaN } = await program.nextLine();
    if (failed) throw new Error(failed);
    const redirected = seen.redirected ?? Number.NaN;
    return done - (since ?? started) - (redirected - at) - seen.workFor(at, redirected);
  } finally {
    seen.stop();
  }
}

/** The port of the redirect URI that an authorization URL names. */
export function portOf(authorizationUrl: string): number {
  return Number(new URL(new URL(authorizationUrl).searchParams.get('redirect_uri') ?? '').port);
}

/** Observes the authority and the scripted browser, which both run in this process. */
class ProviderTime {
  port = 0;
  redirected: number | undefined;
  readonly #requests = new Map<IncomingMessage, { from: number; to: number }>();

  readonly #watchers: Record<string, (message: unknown) => void> = {
    'http.client.request.start': (message) => {
      const { request } = message as { request: ClientRequest };
      if (String(request.getHeader('host')).endsWith(`:${this.port}`)) this.redirected ??= now();
    },
    'http.server.request.start': (message) => {
      this.#requests.set((message as { request: IncomingMessage }).request, { from: now(), to: Number.NaN });
    },
    'http.server.response.finish': (message) => {
      const times = this.#requests.get((message as { request: IncomingMessage }).request);
      if (times) times.to = now();
    },
  };

  constructor() {
    for (const [name, watch] of Object.entries(this.#watchers)) subscribe(name, watch);
  }

  /** How many milliseconds the authority worked on requests of the program itself: before and after those of the browser. */
  workFor(browserFrom: number, browserTo: number): number {
    const own = [...this.#requests.values()].filter((times) => times.to < browserFrom || times.from > browserTo);
    return own.reduce((sum, times) => sum + times.to - times.from, 0);
  }

  stop(): void {
    for (const [name, watch] of Object.entries(this.#watchers)) unsubscribe(name, watch);
  }
}
