import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Judge } from '../src/process-cases/judge.ts';

test('a process that was killed before it could say what it read may have written, or not', () => {
  for (const stored of [undefined, '1 by process 1']) {
    const problems: string[] = [];
    const judge = new Judge(false, (problem) => problems.push(problem));
    judge.begin(1);
    judge.kill(1);
    judge.read(judge.begin(2), stored);
    assert.equal(problems, []);
  }
});

test.run();
