import { ScriptedBrowser } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { connect, SharedAuthProvider } from '../../examples/mcp-client.ts';
import { MemoryStore } from '../../test/memory-store.ts';
import { rejection, within } from '../../test/within.ts';
import { type RunningMcpServer, startMcpServer } from './mcp-server.ts';

/** An MCP server and a store; each of the providers is like a process of its own. */
class McpScene implements AsyncDisposable {
  readonly server: RunningMcpServer;
  readonly store = new MemoryStore();
  /** The addresses of the browser windows that were asked for. */
  readonly windows: URL[] = [];
  /** What the browser does. Default: the person agrees. */
  browse: (url: string) => unknown = (url) => new ScriptedBrowser().open(url);

  constructor(server: RunningMcpServer) {
    this.server = server;
  }

  provider(): SharedAuthProvider {
    const openBrowser = (url: string): unknown => {
      this.windows.push(new URL(url));
      return this.browse(url);
    };
    return new SharedAuthProvider({ serverUrl: this.server.url, store: this.store, openBrowser });
  }

  async greet(provider = this.provider()): Promise<unknown> {
    const client = await within(10_000, connect(this.server.url, provider));
    try {
      const { content } = await client.callTool({ name: 'greet' });
      return content;
    } finally {
      await client.close();
    }
  }

  /** The names of the records: the sign-in, and the registration. */
  get names(): string[] {
    return [...this.store.records.keys()];
  }

  get record() {
    return this.store.records.get(this.server.url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

async function openMcpScene(): Promise<McpScene> {
  return new McpScene(await startMcpServer());
}

const hello = [{ type: 'text', text: 'Hello' }];

test('a person who refuses: the error reaches the caller, and nothing is stored', async () => {
  await using scene = await openMcpScene();
  scene.browse = (url) => {
    const { searchParams } = new URL(url);
    const answer = new URL(searchParams.get('redirect_uri') ?? '');
    answer.search = `error=access_denied&state=${searchParams.get('state')}`;
    return new ScriptedBrowser().open(answer.href);
  };
  assert.is((await rejection(scene.greet())).code, 'AUTHORIZATION_ERROR');
  assert.equal(scene.names, []);
});

test('a first connection signs in; the next one uses the stored tokens and the same registration', async () => {
  await using scene = await openMcpScene();
  assert.equal(await scene.greet(), hello);
  assert.equal(await scene.greet(), hello);
  assert.is(scene.windows.length, 1);
  assert.is(scene.server.provider.clientsStore.known.size, 1);
  assert.equal(scene.names, [`registration at ${scene.server.url}`, scene.server.url]);
});

test('the SDK gets access tokens and no refresh token', async () => {
  await using scene = await openMcpScene();
  const provider = scene.provider();
  assert.is(await provider.tokens(), undefined);
  await scene.greet(provider);
  assert.equal(await provider.tokens(), { access_token: scene.record?.accessToken, token_type: 'Bearer' });
});

test('a token that the server rejects early is refreshed once for all requests, which are sent again', async () => {
  await using scene = await openMcpScene();
  const provider = scene.provider();
  const client = await connect(scene.server.url, provider);
  scene.server.provider.expireAccessTokens();
  const calls = await Promise.all(Array.from({ length: 5 }, () => client.callTool({ name: 'greet' })));
  for (const { content } of calls) assert.equal(content, hello);
  assert.is(scene.server.provider.refreshes, 1);
  assert.is(scene.windows.length, 1);
  await client.close();
});

test('a sign-in that the server has ended: the call fails with UnauthorizedError, and works again after signIn()', async () => {
  await using scene = await openMcpScene();
  const provider = scene.provider();
  const client = await connect(scene.server.url, provider);
  scene.server.provider.revoke();
  assert.is((await rejection(client.callTool({ name: 'greet' }))).constructor.name, 'UnauthorizedError');
  assert.is(scene.record?.refusedBecause, 'invalid_grant');
  assert.is(scene.windows.length, 1, 'no window opens during a request');
  await provider.signIn();
  assert.equal((await client.callTool({ name: 'greet' })).content, hello);
  assert.is(scene.windows.length, 2);
  assert.is(scene.server.provider.clientsStore.known.size, 1, 'the registration is used again');
  await client.close();
});

test('a server that has forgotten the registration: connecting registers and signs in anew', async () => {
  await using scene = await openMcpScene();
  await scene.greet();
  scene.server.provider.forgetClients();
  scene.server.provider.expireAccessTokens();
  assert.equal(await scene.greet(), hello);
  assert.is(scene.windows.length, 2);
  assert.is(scene.server.provider.clientsStore.known.size, 1);
  scene.server.provider.expireAccessTokens();
  assert.equal(await scene.greet(), hello, 'the refresh uses the new registration');
  assert.is(scene.windows.length, 2);
});

test('a refresh token is not sent to another authorization server than the one that issued it', async () => {
  await using scene = await openMcpScene();
  await scene.greet();
  await using other = await startMcpServer();
  const name = `registration at ${scene.server.url}`;
  const registration = JSON.parse(scene.store.records.get(name)?.refreshToken ?? '');
  const moved = { ...registration, issuer: new URL('/', other.url).href };
  await scene.store.set(name, { refreshToken: JSON.stringify(moved) });
  const error = await rejection(scene.provider().shared.getToken({ forceRefresh: true }));
  assert.equal([error.code, error.reason], ['SIGN_IN_REQUIRED', 'refused']);
  assert.is(scene.server.provider.refreshes, 0);
});

test('a provider that cannot be reached is not a reason to sign in again', async () => {
  await using scene = await openMcpScene();
  const provider = scene.provider();
  const client = await connect(scene.server.url, provider);
  await scene.server[Symbol.asyncDispose]();
  assert.is.not((await rejection(client.callTool({ name: 'greet' }))).constructor.name, 'UnauthorizedError');
  assert.is(scene.windows.length, 1);
  await client.close();
});

for (const scope of ['tokens', 'all'] as const) {
  test(`invalidateCredentials('${scope}') erases nothing that another process has stored, and gets a newer token`, async () => {
    await using scene = await openMcpScene();
    const [one, other] = [scene.provider(), scene.provider()];
    await scene.greet(one);
    const before = await one.tokens();
    const storing = other.shared.getToken({ forceRefresh: true });
    one.invalidateCredentials(scope);
    const { accessToken } = await storing;
    one.invalidateCredentials(scope);
    assert.is(scene.record?.accessToken, accessToken);
    assert.is.not(accessToken, before?.access_token);
    assert.is((await one.tokens())?.access_token, accessToken, 'the newer token, without another refresh');
    assert.is(scene.server.provider.refreshes, 1);
    assert.equal(await scene.greet(one), hello);
    assert.is(scene.windows.length, 1);
    assert.is(scene.names.length, 2, 'the registration is kept as well');
  });
}

for (const scope of ['client', 'verifier', 'discovery'] as const) {
  test(`invalidateCredentials('${scope}') changes nothing`, async () => {
    await using scene = await openMcpScene();
    const provider = scene.provider();
    await scene.greet(provider);
    const tokens = await provider.tokens();
    provider.invalidateCredentials(scope);
    assert.equal(await provider.tokens(), tokens);
    assert.is(scene.server.provider.refreshes, 0);
  });
}

test.run();
