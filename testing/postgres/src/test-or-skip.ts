import { test } from 'uvu';
import { missingTools } from './tools.ts';

/** uvu's `test`; or, if something is missing (default: PostgreSQL), one that prints the reason and skips its tests. */
export function testOrSkip(missing: string | undefined = missingTools()): typeof test {
  if (missing === undefined) return test;
  console.log(missing);
  return Object.assign((name: string) => test.skip(name, () => {}), test) as typeof test;
}
