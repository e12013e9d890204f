// Takes about 25 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stepTimeoutMs, waitUntil } from '../src/browser-window.ts';
import { chromiumPath } from '../src/chromium.ts';
import { firefoxPath } from '../src/firefox.ts';
import { webKitPath } from '../src/webkit.ts';

const program = fileURLToPath(new URL('./leave-nothing.ts', import.meta.url));
const engines = [
  { engine: 'chromium', missing: chromiumPath ? '' : 'chromium' },
  { engine: 'firefox', missing: firefoxPath ? '' : 'firefox-esr' },
  { engine: 'webkit', missing: webKitPath ? '' : 'webkit2gtk-driver xvfb' },
  { engine: 'webkit-console', missing: webKitPath ? '' : 'webkit2gtk-driver xvfb' },
];
const onLinux = process.platform === 'linux';
if (!onLinux) console.log('skipped: which processes a browser leaves behind is seen in /proc, which only Linux has');

for (const { engine, missing } of engines) {
  if (missing) console.log(`skipped: ${engine} needs packages of Debian (apt install ${missing})`);
  for (const ending of ['dispose', 'throw']) {
    const inEngine = onLinux && !missing ? test : test.skip;
    inEngine(`${engine} leaves no process and no folder behind when its test ends by: ${ending}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'leave-nothing-'));
      try {
        // The mark is inherited by all that the program starts, so that they are found even if their parents have ended.
        const mark = `LEAVE_NOTHING=${folder}`;
        const child = spawn(process.execPath, [program, engine, ending], {
          env: { ...process.env, TMPDIR: folder, LEAVE_NOTHING: folder },
          stdio: ['ignore', 'pipe', 'pipe'],
          timeout: 2 * stepTimeoutMs,
          killSignal: 'SIGKILL',
        });
        let output = '';
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding('utf8').on('data', (text: string) => {
            output += text;
          });
        }
        await once(child, 'exit');
        assert.match(output, /^open$/m);
        assert.is(child.exitCode, ending === 'throw' ? 1 : 0, output);
        await waitUntil('the end of every process of the browser', async () => running(mark).length === 0);
        assert.equal(
          readdirSync(folder).filter((name) => name !== 'node-compile-cache'),
          [],
        );
      } finally {
        for (const pid of running(`LEAVE_NOTHING=${folder}`)) process.kill(pid, 'SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
}

/** The ids of the processes that have this variable in their environment. One that has ended and was not reaped has none. */
function running(variable: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(variable);
      } catch {
        return false;
      }
    });
}

test.run();
