import type { Sample } from './sample.ts';

/** Three significant digits, and all digits before the point. */
export function digits(value: number): string {
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toLocaleString('en-US', { minimumFractionDigits: 0, maximumFractionDigits: Math.min(places, 2) });
}

/** The median, with the lower and the upper quartile. */
export function spread({ median, low, high }: Sample, scale = 1): string {
  return `${digits(median / scale)} (${digits(low / scale)}–${digits(high / scale)})`;
}

/** Bytes as megabytes. */
export function megabytes(bytes: number): string {
  return digits(Math.round(bytes / 100_000) / 10);
}
