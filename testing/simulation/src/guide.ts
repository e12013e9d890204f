import type { Branch, Seen } from './machine/machine.ts';

/** A schedule: that of its seed, until it goes another way. */
export interface Way {
  readonly seed: number;
  readonly branches: readonly Branch[];
}

/** As a person gives it to `replay.ts`: `4711`, or `4711/27:12/64:13`, which goes another way from steps 27 and 64 on. */
export function nameOf({ seed, branches }: Way): string {
  return [seed, ...branches.map((branch) => `${branch.step}:${branch.seed}`)].join('/');
}

/** The schedule of that name. Throws if it is none. */
export function parseWay(name = ''): Way {
  if (!/^\d+(\/\d+:\d+)*$/.test(name)) throw new Error(`not the name of a schedule: ${name}`);
  const [seed, ...branches] = name.split('/');
  const parse = (text: string): Branch => {
    const [step, seed] = text.split(':').map(Number);
    return { step: step as number, seed: seed as number };
  };
  return { seed: Number(seed), branches: branches.map(parse) };
}

/** A schedule that came to a state, and where. */
interface Candidate {
  readonly way: Way;
  readonly seen: Seen;
}

/** So many schedules are those of their seeds alone: they find what is found soon, and say which states are rare. */
const seedsFirst = 1_000;
/** Of so many schedules, the one that came to the rarest state goes on from there in so many other ways. */
const [chosenFrom, otherWays] = [4, 8];
const maxBranches = 3;

/**
 * Says which schedule runs next. A mistake that needs three rare events in one order is hardly found by schedules that have nothing to
 * do with each other. So those that came to a state that few have come to go on from there, in other ways.
 */
export class Guide {
  /** How many schedules came to each state. */
  readonly #counts = new Map<number, number>();
  #candidates: Candidate[] = [];
  readonly #next: Way[] = [];
  #seed: number;
  #count = 0;

  constructor(firstSeed: number) {
    this.#seed = firstSeed;
  }

  next(): Way {
    return this.#next.pop() ?? { seed: this.#seed++, branches: [] };
  }

  /** What the schedule came to. */
  learn(way: Way, seen: readonly Seen[]): void {
    this.#count++;
    for (const state of new Set(seen.map(({ state }) => state))) this.#counts.set(state, this.#countOf(state) + 1);
    const last = way.branches.at(-1)?.step ?? 1;
    let rarest: Seen | undefined;
    for (const each of seen) {
      if (each.step > last && (!rarest || this.#countOf(each.state) < this.#countOf(rarest.state))) rarest = each;
    }
    if (rarest && way.branches.length < maxBranches) this.#candidates.push({ way, seen: rarest });
    if (this.#candidates.length >= chosenFrom && this.#next.length === 0) this.#choose();
  }

  #choose(): void {
    const rarity = ({ seen }: Candidate): number => this.#countOf(seen.state);
    const [best, ...others] = this.#candidates.sort((one, other) => rarity(one) - rarity(other));
    this.#candidates = others.slice(0, chosenFrom - 1);
    if (!best || this.#count < seedsFirst) return;
    const { way, seen } = best;
    for (let index = 0; index < otherWays; index++) {
      const branch = { step: seen.step, seed: this.#count * otherWays + index };
      this.#next.push({ seed: way.seed, branches: [...way.branches, branch] });
    }
  }

  #countOf(state: number): number {
    return this.#counts.get(state) ?? 0;
  }
}
