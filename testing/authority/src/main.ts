#!/usr/bin/env node
/**
 * An authority in a process of its own. It prints one line of JSON and serves until SIGTERM, SIGINT or the end of stdin.
 *
 *   node testing/authority/src/main.ts [--port N] [--ttl SECONDS] [--device-interval SECONDS]
 */
import { parseArgs } from 'node:util';
import { accountPassword } from './accounts.ts';
import { startAuthority } from './start-authority.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    ttl: { type: 'string', default: '3600' },
    'device-interval': { type: 'string', default: '5' },
  },
});
const authority = await startAuthority({
  port: Number(values.port),
  accessTokenTtl: Number(values.ttl),
  deviceInterval: Number(values['device-interval']),
});
const end = (): void => {
  process.stdin.destroy();
  void authority.close();
};
process.once('SIGTERM', end);
process.once('SIGINT', end);
process.stdin.on('end', end).resume();

// Last, because the reader of this line may end the process at once.
const { origin, url, issuer, graphUrl, clientId, otherClientId, clientIdWithoutPkce } = authority;
console.log(
  JSON.stringify({ origin, url, issuer, graphUrl, clientId, otherClientId, clientIdWithoutPkce, accountPassword }),
);
