import jsqr from 'jsqr';
import type { Renderer } from './renderer.ts';

// jsqr is CommonJS, and its types are wrong about the default export.
const decode = jsqr as unknown as typeof jsqr.default;

/** The text of the QR code in a picture, as a phone reads it. Undefined if there is none. */
export async function readQrCode(renderer: Renderer, png: Uint8Array): Promise<string | undefined> {
  const { data, width, height } = await renderer.pixels(png);
  return decode(data, width, height)?.data;
}
