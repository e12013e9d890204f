// Takes about 15 s.
import { dueToday } from 'testing-authority/due-today';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defects } from '../fuzz/defects.ts';
import { fuzz } from '../fuzz/fuzz.ts';
import { targetNames } from '../fuzz/targets.ts';

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`measured: FUZZ_SEED=${seed}`);

/** Not a time, so that a busy machine tries as many as an idle one. Each takes a few seconds of processor time. */
const inputs = {
  'request-head': 20_000,
  'authorization-response': 20_000,
  'token-response': 6_000,
  'pasted-address': 16_000,
};

for (const target of targetNames) {
  test(`${target}: ${inputs[target]} changing inputs break no rule`, async () => {
    const { failure, runs, coverage } = await fuzz({ target, seed, seconds: 60, inputs: inputs[target] });
    assert.is(failure, undefined);
    assert.ok(runs > 100 && coverage > 10, `${runs} inputs, ${coverage} places`);
    console.log(`measured: ${target}: ${runs} inputs, ${coverage} places reached`);
  });
}

for (const { name, target, ...defect } of dueToday(defects, 2)) {
  test(`a planted defect is found: ${name}`, async () => {
    const { failure } = await fuzz({ target, seed, seconds: 60, defect });
    assert.ok(failure, 'nothing was found');
  });
}

test.run();
