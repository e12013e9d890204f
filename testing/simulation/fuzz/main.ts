/** `pnpm --filter testing-simulation fuzz [SECONDS [TARGET…]]`: searches in each target for so long. FUZZ_SEED repeats a run. */
import { fuzz } from './fuzz.ts';
import { type TargetName, targetNames } from './targets.ts';

const [seconds = '60', ...chosen] = process.argv.slice(2);
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`FUZZ_SEED=${seed}`);
for (const target of (chosen.length > 0 ? chosen : targetNames) as TargetName[]) {
  const { failure, runs, coverage } = await fuzz({ target, seed, seconds: Number(seconds) });
  console.log(`${target}: ${runs} inputs, ${coverage} places reached: ${failure ?? 'nothing found'}`);
  if (failure) process.exitCode = 1;
}
