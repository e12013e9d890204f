import { stripVTControlCharacters } from 'node:util';
import jsQR from 'jsqr';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renderQrCode } from '../src/session/qr-code.ts';

const terminal = { isUnicode: true, columns: 80 };

/** A picture of the terminal for the decoder. A cell of the terminal is two modules of the code high, and draws them with half blocks. */
function photograph(text: string): { data: Uint8ClampedArray; width: number; height: number } {
  const scale = 4;
  const rows = text
    .split('\n')
    .flatMap((line) => [
      [...line].map((cell) => cell === '█' || cell === '▀'),
      [...line].map((cell) => cell === '█' || cell === '▄'),
    ]);
  const width = Math.max(...rows.map((row) => row.length)) * scale;
  const height = rows.length * scale;
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isLight = rows[Math.floor(y / scale)]?.[Math.floor(x / scale)] ?? false;
      data.fill(isLight ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return { data, width, height };
}

for (const url of ['https://www.microsoft.com/link', 'https://login.microsoftonline.com/common/oauth2/deviceauth']) {
  test(`a camera reads ${url} from the terminal`, () => {
    const { data, width, height } = photograph(stripVTControlCharacters(renderQrCode(url, terminal) ?? ''));
    // Not inverted, because some cameras read only dark on light.
    assert.is(jsQR.default(data, width, height, { inversionAttempts: 'dontInvert' })?.data, url);
  });
}

test('the code is dark on light in every terminal, and has no colours with NO_COLOR', () => {
  const lines = renderQrCode('x', terminal)?.split('\n') ?? [];
  for (const line of lines) assert.ok(line.startsWith('\u{1b}[97;40m') && line.endsWith('\u{1b}[0m'));
  process.env.NO_COLOR = '1';
  assert.not.match(renderQrCode('x', terminal) ?? '', '\u{1b}');
  delete process.env.NO_COLOR;
});

test('a terminal that is too narrow or shows only ASCII gets no code', () => {
  assert.is(renderQrCode('x', { isUnicode: true, columns: 24 }), undefined);
  assert.ok(renderQrCode('x', { isUnicode: true, columns: 25 }));
  assert.is(renderQrCode('x', { isUnicode: false, columns: 80 }), undefined);
});

test.run();
