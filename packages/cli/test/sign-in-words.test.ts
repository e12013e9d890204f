import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pasteInstructions } from '../src/session/sign-in-view.ts';
import { readSettings } from '../src/settings/settings.ts';

const settings = readSettings({}, { HOME: '/home/ada', LOCALAPPDATA: '/home/ada/Local' });

test('what to paste, and the way by phone; one more line if this command also waits for a browser', () => {
  const words = [true, false].map((isListening) =>
    pasteInstructions({ host: 'localhost:49152', isListening }, settings),
  );
  for (const text of words)
    assert.match(text, /http:\/\/localhost:49152\/\?code=[\s\S]* onedrive-token login --device\n$/);
  assert.equal(
    words.map((text) => text.split('\n').length),
    [5, 4],
  );
});

test.run();
