import { test } from 'uvu';
import { assertExample } from './assert-example.ts';

// test-long/readme.test.ts runs the samples of other pages.
test('the example of the README gets a token through the browser and reads the drive', () =>
  assertExample('packages/onedrive-token-handler/README.md'));

test.run();
