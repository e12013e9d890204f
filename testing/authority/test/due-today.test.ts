import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dueToday } from '../src/due-today.ts';

const items = ['a', 'b', 'c', 'd', 'e'];

function dueAt(day: string): string[] {
  const { DAY: before } = process.env;
  process.env.DAY = day;
  try {
    return dueToday(items, 3);
  } finally {
    if (before === undefined) delete process.env.DAY;
    else process.env.DAY = before;
  }
}

test('each item is due on one of so many days in a row, and all are at DAY=all', () => {
  const days = ['20784', '20785', '20786'].map(dueAt);
  assert.equal(days.flat().sort(), items);
  assert.ok(days.every((due) => due.length > 0));
  assert.equal(dueAt('all'), items);
});

test.run();
