// Takes about 2 s.
import { test } from 'uvu';
import { assertMoveGoesOn, writesOfMove } from '../test/moved-files.ts';

for (const writes of [1, 2, 3, 5]) {
  test(`a move that is killed after ${writes} of ${writesOfMove} writes loses nothing, and the next one finishes it`, () =>
    assertMoveGoesOn(writes));
}

test.run();
