/** One stream of choices for each purpose, so that a choice that is taken back in one does not shift the others. */
export const streams = {
  plan: 0,
  order: 1,
  network: 2,
  person: 3,
  random: 4,
  meanwhile: 5,
  actions: 16,
  branches: 32,
  processes: 64,
} as const;

const choicesPerStream = 0x10000;

/**
 * The choices of one schedule. The seed decides all of them; 0 is always the plainest: no fault, the oldest step first. The same
 * choices can be given again, also some of them only: then all others are 0. That is how a schedule is made smaller.
 */
export class Choices {
  #seed: number;
  readonly #given: ReadonlyMap<number, number> | undefined;
  /** How many choices each stream has made. */
  readonly #counts: number[] = [];
  /** The choices that were not 0. Kept only if asked for, because it takes time. */
  readonly made: Map<number, number> | undefined;

  constructor(seed: number, options: { given?: ReadonlyMap<number, number> | undefined; keep?: boolean } = {}) {
    this.#seed = seed;
    this.#given = options.given;
    this.made = options.keep ? new Map() : undefined;
  }

  /** From now on, another seed decides. */
  continueWith(seed: number): void {
    this.#seed = seed;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(stream: number, bound: number): number {
    const key = this.#nextKey(stream);
    return this.#made(key, this.#given ? this.#again(key, bound) : this.#random(key) % bound);
  }

  /** True once in `oneIn` times, as a rule. */
  isRare(stream: number, oneIn: number): boolean {
    const key = this.#nextKey(stream);
    if (this.#given) return this.#made(key, this.#again(key, 2)) === 1;
    return this.#made(key, this.#random(key) % oneIn === 1 % oneIn ? 1 : 0) === 1;
  }

  /** The index of one of the weights. Put the plainest first. */
  weighted(stream: number, weights: readonly number[]): number {
    const key = this.#nextKey(stream);
    if (this.#given) return this.#made(key, this.#again(key, weights.length));
    let rest = this.#random(key) % sum(weights);
    let index = 0;
    for (; rest >= (weights[index] as number); index++) rest -= weights[index] as number;
    return this.#made(key, index);
  }

  /** 0, but once in `oneIn` times any index below `bound`. */
  rarelyBelow(stream: number, bound: number, oneIn: number): number {
    const key = this.#nextKey(stream);
    if (this.#given) return this.#made(key, this.#again(key, bound));
    const random = this.#random(key);
    return this.#made(key, random % oneIn === 0 ? Math.floor(random / oneIn) % bound : 0);
  }

  /** 0, or one of so many kinds of trouble. Only the enumeration of a small world asks for any here: a plan has its own. */
  trouble(_kinds: number): number {
    return 0;
  }

  /** What names the next choice of this stream. */
  #nextKey(stream: number): number {
    const count = this.#counts[stream] ?? 0;
    this.#counts[stream] = count + 1;
    return stream * choicesPerStream + count;
  }

  #random(key: number): number {
    return mix(this.#seed, Math.floor(key / choicesPerStream), key % choicesPerStream);
  }

  /** The choice as it was given. */
  #again(key: number, bound: number): number {
    return Math.min(this.#given?.get(key) ?? 0, bound - 1);
  }

  #made(key: number, value: number): number {
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
