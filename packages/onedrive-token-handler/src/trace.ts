import { debuglog } from 'node:util';
import type { TokenEvent } from './token-event.ts';

/** Prints an event on stderr if `NODE_DEBUG=onedrive-token-handler` is set. */
export async function trace({ type, ...rest }: TokenEvent): Promise<void> {
  const log = debuglog('onedrive-token-handler');
  if (log.enabled) log('%s %s', type, JSON.stringify(rest, redact));
}

function redact(key: string, value: unknown): unknown {
  if (key === 'url') return String(value).replace(/\?.*/, '?[redacted]');
  const { code, message } = Object(value) as { code?: unknown; message?: unknown };
  return message === undefined ? value : [code, message].filter(Boolean).join(' ');
}
