import type { TokenEvent } from './token-event.ts';

// An import of node:util would also load workers and streams: 5 ms for every program.
const log = process.getBuiltinModule('node:util').debuglog('onedrive-token-handler');

/** Prints an event on stderr if `NODE_DEBUG=onedrive-token-handler` is set. */
export function trace(event: TokenEvent): void {
  if (!log.enabled) return;
  const { type, ...rest } = event;
  log('%s %s', type, JSON.stringify(rest, redact));
}

function redact(key: string, value: unknown): unknown {
  if (key === 'url') return String(value).replace(/\?.*/, '?[redacted]');
  if (value instanceof Error) return `${'code' in value ? `${value.code} ` : ''}${value.message}`;
  return value;
}
