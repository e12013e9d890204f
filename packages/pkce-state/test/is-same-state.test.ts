import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createState, isSameState } from '../src/index.ts';

const state = createState();

const others: [what: string, expected: string, received: unknown][] = [
  ['another state', state, createState()],
  ['null', state, null],
  ['undefined', state, undefined],
  ['the empty string', state, ''],
  ['a prefix', state, state.slice(0, -1)],
  ['one character more', state, `${state}A`],
  ['twice the state', state, state + state],
  ['another case', state, state.toUpperCase() === state ? state.toLowerCase() : state.toUpperCase()],
  ['an array that holds it', state, [state]],
  ['the empty string if nothing was expected', '', ''],
  ['null if nothing was expected', '', null],
  ['undefined, though the text "undefined" was expected', 'undefined', undefined],
  ['half of a state that consists of two equal halves', 'abab', 'ab'],
  ['the expected state twice in a row', 'ab', 'abab'],
  ['the same characters in another order', 'abcd', 'badc'],
];
for (const [what, expected, received] of others) {
  test(`${what} is not the same`, () => {
    assert.is(isSameState(expected, received as string), false);
  });
}

test('the state itself is the same, with any length and any characters', () => {
  for (const value of [state, 'a', 'ä😀\u0000', 'x'.repeat(10_000)]) assert.is(isSameState(value, `${value}`), true);
});

test('a difference in any one character is seen', () => {
  for (let index = 0; index < state.length; index++) {
    const guess = `${state.slice(0, index)}!${state.slice(index + 1)}`;
    assert.is(isSameState(state, guess), false);
  }
});

test('the time does not depend on where the values differ', () => {
  // An early return makes a factor of thousands each time, and a busy machine a small one now and then.
  const ratios: number[] = [];
  const isAlike = (): boolean => {
    const ratio = compareTimes(isSameState);
    ratios.push(ratio);
    return ratio > 0.5 && ratio < 2;
  };
  assert.ok([1, 2, 3, 4, 5].some(isAlike), `late ÷ early = ${ratios}`);
});

/** The time for a difference at the end, divided by the time for one at the start. Each is the least of many. */
function compareTimes(compare: (expected: string, received: string) => boolean): number {
  // With long values an early return makes a factor of thousands, which is more than noise.
  const long = 'x'.repeat(200_000);
  const guesses = { early: `!${long.slice(1)}`, late: `${long.slice(0, -1)}!` };
  const fastest = { early: Number.POSITIVE_INFINITY, late: Number.POSITIVE_INFINITY };
  for (let round = 0; round < 20; round++) {
    for (const name of ['early', 'late'] as const) {
      const started = performance.now();
      compare(long, guesses[name]);
      fastest[name] = Math.min(fastest[name], performance.now() - started);
    }
  }
  return fastest.late / fastest.early;
}

test.run();
