import { join } from 'node:path';
import { type ICachePlugin, PublicClientApplication } from '@azure/msal-node';
import { measure } from 'mitata';
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { signInAs } from 'testing-authority';
import { microsoft, networkClientFor } from 'testing-authority/msal-network-client';
import { digits } from '../format.ts';
import { msalCacheIn } from '../programs/msal-cache.ts';
import { scopes } from '../programs/run-program.ts';
import type { Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { msalNode, handler as ours } from '../subjects.ts';

/** A token that the process has in memory. */
export async function measureInMemory(stage: Stage): Promise<Section> {
  const { authority: issuer, folder } = stage;
  await using handler = new OneDriveTokenHandler({
    appName: 'in memory',
    clientId: issuer.clientId,
    scopes,
    authority: issuer.url,
    dbFilepath: join(folder, 'in-memory.db'),
    openBrowser: signInAs,
  });
  await handler.getToken();
  const calls: [name: string, call: () => Promise<unknown>][] = [
    ['an async function that returns a string', async () => 'a token'],
    [`${ours.name}: getToken()`, () => handler.getToken()],
    [`${msalNode.name}: acquireTokenSilent(), cache in memory only`, await silentMsal(stage)],
    [
      `${msalNode.name}: acquireTokenSilent(), cache also in a file`,
      await silentMsal(stage, msalCacheIn(join(folder, 'msal-in-memory.json'))),
    ],
  ];
  const rows: string[][] = [];
  const medians: number[] = [];
  for (const [name, call] of calls) {
    const { p25, p50, p75 } = await measure(call);
    medians.push(p50 / 1000);
    rows.push([name, `${digits(p50 / 1000)} (${digits(p25 / 1000)}–${digits(p75 / 1000)})`]);
  }
  const [, token = Number.NaN, silent = Number.NaN] = medians;
  return {
    title: 'Token in memory',
    how: 'Calls in one process that has a valid token, one kind after the other, measured with [mitata](https://github.com/evanwashere/mitata).',
    columns: ['', 'µs a call'],
    rows,
    results: { memory: token, memoryRatio: silent / token },
    headlines: [
      { what: 'a token in memory, µs', cells: { [ours.name]: digits(token), [msalNode.name]: digits(silent) } },
    ],
    chart: {
      name: 'in-memory',
      title: 'One call for a token in memory',
      unit: 'µs',
      logarithmic: true,
      bars: calls.slice(1).map(([label], index) => ({
        label: label.replace(/^.*: /, ''),
        value: medians[index + 1] ?? Number.NaN,
        text: `${digits(medians[index + 1] ?? Number.NaN)} µs`,
        ours: index === 0,
      })),
    },
  };
}

async function silentMsal({ authority }: Stage, cachePlugin?: ICachePlugin): Promise<() => Promise<unknown>> {
  const app = new PublicClientApplication({
    auth: { clientId: authority.clientId, authority: `${microsoft}/consumers` },
    ...(cachePlugin && { cache: { cachePlugin } }),
    system: { networkClient: networkClientFor(authority) },
  });
  const openBrowser = async (url: string): Promise<void> => {
    await signInAs(url.replace(microsoft, authority.origin));
  };
  const { account } = await app.acquireTokenInteractive({ scopes, openBrowser });
  if (!account) throw new Error('msal-node has not signed in');
  const request = { account, scopes };
  return () => app.acquireTokenSilent(request);
}
