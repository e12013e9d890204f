// For the functions that run in the page.
/// <reference lib="dom" />
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Terminal as Emulator } from '@xterm/xterm';
import type { Page } from 'playwright-core';
import { launchChromium } from 'testing-browsers/chromium';

const require = createRequire(import.meta.url);
const script = require.resolve('@xterm/xterm');
const style = readFileSync(join(dirname(script), '../css/xterm.css'), 'utf8');

const html = `<!doctype html><style>${style}
  body { margin: 0; background: transparent; }
  main { display: inline-flex; flex-direction: column; gap: 10px; padding: 1px; }
  section { padding: 14px 16px; border-radius: 8px; background: #0d1117; }
  .xterm-viewport, .xterm .scrollbar { display: none; }
</style><main></main>`;

/** Shows the output of a terminal in xterm.js, the emulator of VS Code, in Chromium, and takes pictures. */
export class Renderer implements AsyncDisposable {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  static async start(): Promise<Renderer> {
    const browser = await launchChromium();
    return new Renderer(await browser.newPage({ deviceScaleFactor: 2, viewport: { width: 1000, height: 1600 } }));
  }

  /** One picture of several terminals, one below the other, each as high as its output. */
  async picture(outputs: readonly string[], columns: number): Promise<Buffer> {
    await this.#page.setContent(html);
    await this.#page.addScriptTag({ path: script });
    for (const output of outputs) await this.#page.evaluate(show, { output, columns });
    return this.#page.locator('main').screenshot({ omitBackground: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#page.context().browser()?.close();
  }
}

/** Runs in the page. */
async function show({ output, columns }: { output: string; columns: number }): Promise<void> {
  const { Terminal } = globalThis as unknown as { Terminal: typeof Emulator };
  const section = document.createElement('section');
  document.querySelector('main')?.append(section);
  const terminal = new Terminal({
    cols: columns,
    rows: 60,
    fontFamily: "'DejaVu Sans Mono', monospace",
    fontSize: 12,
    cursorInactiveStyle: 'none',
    theme: { background: '#0d1117', foreground: '#d6dde4', black: '#0d1117', white: '#ffffff' },
  });
  terminal.open(section);
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  const { active } = terminal.buffer;
  let rows = active.length;
  while (rows > 1 && !active.getLine(rows - 1)?.translateToString(true)) rows--;
  terminal.resize(columns, rows);
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}
