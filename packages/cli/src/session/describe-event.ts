import type { TokenEvent } from 'onedrive-token-handler';

/** One event as a line of the --verbose log. Leaves out the query of the authorization URL, because the state is in it. */
export function describeEvent(event: TokenEvent): string {
  switch (event.type) {
    case 'authorization-url': {
      const { origin, pathname } = new URL(event.url);
      return `${event.type} ${origin}${pathname}?...`;
    }
    case 'signed-in':
      return `${event.type} ${fields({ scopes: event.scopes.join(' '), expiresAt: event.expiresAt })}`;
    case 'browser-failed':
    case 'refresh-failed':
    case 'store-failed':
    case 'sign-in-failed': {
      const { type, error, ...rest } = event;
      return `${type} ${fields({ error: error instanceof Error ? error.message : String(error), ...rest })}`;
    }
    default: {
      const { type, ...rest } = event;
      return `${type} ${fields(rest)}`.trimEnd();
    }
  }
}

function fields(record: Record<string, unknown>): string {
  return Object.entries(record)
    .map(
      ([name, value]) =>
        `${name}=${name === 'expiresAt' ? new Date(Number(value)).toISOString() : JSON.stringify(value)}`,
    )
    .join(' ');
}
