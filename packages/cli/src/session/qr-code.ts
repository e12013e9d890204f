import { renderUnicodeCompact } from 'uqr';
import type { Screen } from '../terminal/screen.ts';

/**
 * A QR code for a phone's camera, light on dark, whatever the terminal's colours are. Returns undefined if the terminal is too
 * narrow or shows nothing but ASCII.
 */
export function renderQrCode(
  text: string,
  { isUnicode, columns }: Pick<Screen, 'isUnicode' | 'columns'>,
): string | undefined {
  if (!isUnicode) return undefined;
  const lines = renderUnicodeCompact(text, { border: 2 }).split('\n');
  if (lines.some((line) => line.length > columns)) return undefined;
  if (process.env.NO_COLOR) return lines.join('\n');
  return lines.map((line) => `\x1b[97;40m${line}\x1b[0m`).join('\n');
}
