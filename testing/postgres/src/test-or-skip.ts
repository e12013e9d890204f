import { test } from 'uvu';
import { missingTools } from './tools.ts';

/** uvu's `test`, or one that skips its tests: without PostgreSQL, or for another reason, which it prints. */
export function testOrSkip(missing: string | undefined = missingTools()): typeof test {
  if (missing === undefined) return test;
  console.log(missing);
  return Object.assign((name: string) => test.skip(name, () => {}), test) as typeof test;
}
