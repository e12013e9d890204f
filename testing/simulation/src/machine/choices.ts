/** One stream of choices for each purpose, so that a choice that is taken back in one does not shift the others. */
export const streams = { plan: 0, order: 1, network: 2, person: 3, random: 4, actions: 16, processes: 64 } as const;

const choicesPerStream = 0x10000;

/**
 * The choices of one schedule. The seed decides all of them; 0 is always the plainest: no fault, the oldest step first. The same
 * choices can be given again, also some of them only: then all others are 0. That is how a schedule is made smaller.
 */
export class Choices {
  readonly #seed: number;
  readonly #given: ReadonlyMap<number, number> | undefined;
  readonly #counters = new Uint16Array(256);
  /** The choices that were not 0. Kept only if asked for, because it takes time. */
  readonly made: Map<number, number> | undefined;

  constructor(seed: number, options: { given?: ReadonlyMap<number, number> | undefined; keep?: boolean } = {}) {
    this.#seed = seed;
    this.#given = options.given;
    this.made = options.keep ? new Map() : undefined;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(stream: number, bound: number): number {
    return this.#choose(stream, (random) => random % bound, bound);
  }

  /** True once in `oneIn` times, as a rule. */
  isRare(stream: number, oneIn: number): boolean {
    return this.#choose(stream, (random) => (random % oneIn === 1 % oneIn ? 1 : 0), 2) === 1;
  }

  /** The index of one of the weights. Put the plainest first. */
  weighted(stream: number, weights: readonly number[]): number {
    const pick = (random: number): number => {
      let rest = random % sum(weights);
      let index = 0;
      for (; rest >= (weights[index] as number); index++) rest -= weights[index] as number;
      return index;
    };
    return this.#choose(stream, pick, weights.length);
  }

  /** 0, but once in `oneIn` times any index below `bound`. */
  rarelyBelow(stream: number, bound: number, oneIn: number): number {
    return this.#choose(stream, (random) => (random % oneIn === 0 ? Math.floor(random / oneIn) % bound : 0), bound);
  }

  #choose(stream: number, pick: (random: number) => number, bound: number): number {
    const count = this.#counters[stream] as number;
    this.#counters[stream] = count + 1;
    const key = stream * choicesPerStream + count;
    let value: number;
    if (this.#given) value = Math.min(this.#given.get(key) ?? 0, bound - 1);
    else value = pick(mix(this.#seed, stream, count));
    if (value !== 0) this.made?.set(key, value);
    return value;
  }
}

function sum(weights: readonly number[]): number {
  let total = 0;
  for (const weight of weights) total += weight;
  return total;
}

/** 32 bits that look random: the same for the same three numbers. */
function mix(seed: number, stream: number, count: number): number {
  let bits =
    Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(stream + 1, 0xc2b2ae35) ^ Math.imul(count + 1, 0x27d4eb2f);
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  bits = Math.imul(bits ^ (bits >>> 15), 0x21f0aaad);
  return (bits ^ (bits >>> 16)) >>> 0;
}
