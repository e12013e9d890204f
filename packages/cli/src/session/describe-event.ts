import type { TokenEvent } from 'onedrive-token-handler';

/** One event as a line of the --verbose log. */
export function describeEvent({ type, ...fields }: TokenEvent): string {
  const shown = Object.entries(fields).filter(([, value]) => typeof value !== 'function');
  return [type, ...shown.map(([name, value]) => `${name}=${describeField(name, value)}`)].join(' ');
}

function describeField(name: string, value: unknown): string {
  if (name === 'expiresAt') return new Date(Number(value)).toISOString();
  if (value instanceof Error) return JSON.stringify(value.message);
  // The state is in the query of the authorization URL.
  if (name === 'url') return String(value).replace(/\?.*/, '?...');
  return JSON.stringify(value);
}
