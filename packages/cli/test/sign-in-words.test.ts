import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type PasteOptions, pasteInstructions } from '../src/session/sign-in-words.ts';
import { readSettings } from '../src/settings/settings.ts';

const settings = readSettings({}, { HOME: '/home/ada', LOCALAPPDATA: '/home/ada/Local' });

function instructions(place: PasteOptions['place'], isListening: boolean): string {
  return pasteInstructions({ place, host: 'localhost:49152', isListening, settings });
}

test('if this command also waits for a browser, only another computer needs pasting', () => {
  const text = instructions('headless', true);
  assert.match(text, 'Browser on another computer? It ends on an error page.');
  assert.match(text, "Copy that page's address (http://localhost:49152/?code=...) here.");
  assert.match(text, 'On this computer, nothing to paste.');
});

test('over SSH the port can be forwarded, and in a container the network can be shared', () => {
  assert.match(instructions('ssh', true), /\n {2}ssh -N -L 49152:localhost:49152 \S+\n/);
  assert.match(instructions('container', true), "shares its host's network");
});

test('with --paste every browser needs pasting, because nothing waits on the port', () => {
  for (const place of ['ssh', 'container', 'desktop'] as const) {
    const text = instructions(place, false);
    assert.match(text, 'The browser then ends on an error page.');
    assert.not.match(text, /ssh -N|nothing to paste|network/);
    assert.match(text, 'on your phone instead: onedrive-token login --device\n');
  }
});

test.run();
