import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signInAs } from 'testing-authority';
import { Agent } from 'undici';
import * as assert from 'uvu/assert';
import { openScene, type Scene } from './scene.ts';
import { startProxy } from './start-proxy.ts';

const script = fileURLToPath(new URL('./get-token-process.ts', import.meta.url));

/** A provider with `tls` is reached by https. */
export async function assertProxyUsed(tls?: { cert: string; key: string; ca: string }): Promise<void> {
  const route = tls ? 'CONNECT' : 'POST';
  await using scene = await openScene(tls && { tls });
  const dispatcher = trusting(tls?.ca);
  await scene.signedIn({ dispatcher, openBrowser: (url) => signInAs(url, tls && { ca: tls.ca }) });
  await using proxy = await startProxy();
  const trust = tls ? { NODE_EXTRA_CA_CERTS: writeCertificate(scene, tls.ca) } : {};
  for (const [noProxy, seen] of [
    ['', [route]],
    ['127.0.0.1', []],
  ] as const) {
    proxy.seen.length = 0;
    scene.tokenExpires();
    const env = { ...trust, HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: noProxy };
    const outcome = await ask(scene, env);
    assert.ok(outcome.token, JSON.stringify(outcome));
    assert.equal(proxy.seen, seen);
  }
}

/** A dispatcher that trusts this certificate. */
export function trusting(ca: string | undefined): Agent {
  return new Agent({ connect: ca === undefined ? {} : { ca } });
}

/** Returns the file, for NODE_EXTRA_CA_CERTS. */
export function writeCertificate({ folder }: Scene, certificate: string): string {
  const file = join(folder, 'ca.pem');
  writeFileSync(file, certificate);
  return file;
}

/** What a process of its own gets. */
export async function ask(scene: Scene, env: NodeJS.ProcessEnv): Promise<{ token?: string; code?: string }> {
  const { stdout, stderr } = await scene.run([script, scene.optionsFor()], env);
  assert.ok(stdout, stderr);
  return JSON.parse(stdout);
}
