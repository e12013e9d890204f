/**
 * How often a caller refreshes tokens of different lives, and how many of them have expired when they arrive at the API:
 * `node src/lives.ts` prints it, for shared-token and for other rules.
 */
import type { TokenResponse } from 'shared-token';
import { History } from './history.ts';
import { Choices } from './machine/choices.ts';
import { useMachine } from './machine/globals.ts';
import { loadPackage, type Patch } from './machine/load-package.ts';
import { Machine, Process } from './machine/machine.ts';
import { openModelStore } from './models/process-store.ts';
import type { Subject } from './schedule.ts';

/** From the provider to the caller, and from the caller to the API. The provider needs as long again to get the request. */
const latencyMs = 500;
const lives = 3;

export interface Life {
  readonly lifeMs: number;
  /** How often the caller asks for a token. */
  readonly everyMs: number;
  readonly minValid?: number;
}

export interface LifeResult {
  readonly calls: number;
  readonly refreshes: number;
  /** Tokens that had expired when the API got them, twice the latency after they were given out. */
  readonly expired: number;
}

/** One process asks for a token again and again, for three lives of a token. */
export async function measureLife(subject: Subject, { lifeMs, everyMs, minValid }: Life): Promise<LifeResult> {
  const machine = new Machine(new Choices(1, { given: new Map() }), { maxSteps: Number.POSITIVE_INFINITY });
  useMachine(machine);
  const history = new History(machine);
  const store = openModelStore(history, { kind: 'file', tells: true, faultOneIn: 0, lateOneIn: 0, isSilent: false });
  store.report = (fact) => history.record(fact);
  const process = new Process(machine, 1);
  const expiries = new Map<string, number>();
  let [calls, expired] = [0, 0];
  const refresh = (): Promise<TokenResponse> => {
    const { promise, resolve } = Promise.withResolvers<TokenResponse>();
    machine.later(process, latencyMs, '', () => {
      const token = `token-${expiries.size}`;
      expiries.set(token, machine.now + lifeMs);
      const response = { access_token: token, refresh_token: `of-${token}`, expires_in: lifeMs / 1000 };
      machine.later(process, latencyMs, '', () => resolve(response));
    });
    return promise;
  };
  const shared = new subject.SharedToken({ store: store.open(process), name: 'app', refresh });
  store.write('app', { refreshToken: 'of the person' }, undefined);
  const ask = async (): Promise<void> => {
    calls++;
    const { accessToken } = await shared.getToken({ minValid });
    if (machine.now + 2 * latencyMs >= (expiries.get(accessToken) ?? 0)) expired++;
    if (machine.now + everyMs <= lives * lifeMs) machine.later(process, everyMs, '', () => void ask());
  };
  machine.enqueue(process, '', () => void ask());
  await machine.run();
  useMachine(undefined);
  if (machine.failure) throw machine.failure;
  return { calls, refreshes: expiries.size, expired };
}

const skewOfNow = 'Math.min(skew, lifetime * longestSkewShare)';
const otherSkew = (to: string): readonly Patch[] => [{ file: 'usable-token.ts', from: skewOfNow, to }];

/** The rule of shared-token, and others that were tried. */
const rules: Record<string, readonly Patch[]> = {
  'a tenth of the life, at most 5 minutes': [],
  '5 minutes': otherSkew('skew'),
  'a quarter, at most 5 minutes': otherSkew('Math.min(skew, lifetime / 4)'),
  none: otherSkew('0'),
};

const lifeSeconds = [10, 30, 60, 300, 600, 900, 3_600, 28_800, 86_400];

async function printTable(): Promise<void> {
  for (const [rule, patches] of Object.entries(rules)) {
    const subject = (await loadPackage<Subject>('shared-token', { patches }))();
    const rows: Record<string, object> = {};
    for (const life of lifeSeconds) {
      const lifeMs = life * 1000;
      const callers = { 'every 0.997 s': 997, 'every 13th of the life': lifeMs / 13, 'once a life': lifeMs * 0.97 };
      const row: Record<string, string> = {};
      for (const [caller, everyMs] of Object.entries(callers)) {
        const { calls, refreshes, expired } = await measureLife(subject, { lifeMs, everyMs });
        row[caller] = `${refreshes} of ${calls}, ${expired} expired`;
      }
      const { refreshes } = await measureLife(subject, { lifeMs, everyMs: lifeMs / 13, minValid: lifeMs * 0.95 });
      rows[`${life} s`] = { ...row, 'minValid of 0.95 lives': refreshes };
    }
    console.log(`\n${rule}: refreshes of calls in ${lives} lives`);
    console.table(rows);
  }
}

if (import.meta.main) await printTable();
