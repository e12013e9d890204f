import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { signInAs } from 'testing-authority';
import type { Program } from './program.ts';

/** Milliseconds since the epoch, as the programs count them. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Lets a program sign in, and returns how many milliseconds of it were not spent in the provider: not those between its request for
 * a browser and that browser's first request to its redirect URI, and not those in which the authority worked on its requests.
 * `since`: when that began. Default: when the program was told.
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
    return done - (since ?? started) - (redirected - at) - seen.outside(at, redirected);
  } finally {
    seen.stop();
  }
}

/** The port of the redirect URI that an authorization URL names. */
export function portOf(authorizationUrl: string): number {
  return Number(new URL(new URL(authorizationUrl).searchParams.get('redirect_uri') ?? '').port);
}

/** Watches the authority and the scripted browser, which both run in this process. */
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

  /** Milliseconds that the authority worked before the browser was there or after it had left. */
  outside(from: number, to: number): number {
    const outside = [...this.#requests.values()].filter((times) => times.to < from || times.from > to);
    return outside.reduce((sum, times) => sum + times.to - times.from, 0);
  }

  stop(): void {
    for (const [name, watch] of Object.entries(this.#watchers)) unsubscribe(name, watch);
  }
}
