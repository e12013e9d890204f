import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pasteInstructions } from '../src/session/sign-in-words.ts';
import { readSettings } from '../src/settings/settings.ts';

const settings = readSettings({}, { HOME: '/home/ada', LOCALAPPDATA: '/home/ada/Local' });
const host = 'localhost:49152';

test('if this command also waits for a browser, only another computer needs pasting', () => {
  assert.is(
    pasteInstructions({ host, isListening: true, settings }),
    `Sign in there. Browser on another computer? It ends on an error page.
Copy that page's address (http://localhost:49152/?code=...) here.
On this computer, nothing to paste.
Or enter a short code on your phone instead: onedrive-token login --device
`,
  );
});

test('with --paste every browser needs pasting, because nothing waits on the port', () => {
  assert.is(
    pasteInstructions({ host, isListening: false, settings }),
    `Sign in there. The browser then ends on an error page.
Copy that page's address (http://localhost:49152/?code=...) here.
Or enter a short code on your phone instead: onedrive-token login --device
`,
  );
});

test.run();
