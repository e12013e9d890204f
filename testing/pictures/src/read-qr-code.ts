import jsqr from 'jsqr';
import type { Renderer } from './renderer.ts';

// CommonJS, whose types promise a default export one level up.
const decode = jsqr as unknown as typeof jsqr.default;

/** What a telephone reads when its camera looks at the picture; undefined where it finds no QR code. */
export async function readQrCode(renderer: Renderer, png: Uint8Array): Promise<string | undefined> {
  const { data, width, height } = await renderer.pixels(png);
  return decode(data, width, height)?.data;
}
