import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createEmptyPipeline,
  createPipelineRequest,
} from '@azure/core-rest-pipeline';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertProxyUsed } from './proxied.ts';
import { openScene } from './scene.ts';

test('the Azure SDKs take asTokenCredential() as a TokenCredential, and their bearer policy reads the drive', async () => {
  await using scene = await openScene();
  const credential: TokenCredential = scene.handler().asTokenCredential();
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: 'https://graph.microsoft.com/.default' }));
  const { graphUrl } = scene.authority;
  const wanted = createPipelineRequest({ url: `${graphUrl}/me/drive`, allowInsecureConnection: true });
  // The policy refuses plain http, which only this test uses.
  wanted.url = graphUrl.replace('http:', 'https:');
  const sendPlain = {
    sendRequest: (sent: typeof wanted) => {
      sent.url = `${graphUrl}/me/drive`;
      return createDefaultHttpClient().sendRequest(sent);
    },
  };
  const response = await pipeline.sendRequest(sendPlain, wanted);
  assert.is(response.status, 200);
});

// test-long/ecosystem.test.ts has https.
test('requests over http use the proxy in the environment, except to the hosts in NO_PROXY', () => assertProxyUsed());

test.run();
