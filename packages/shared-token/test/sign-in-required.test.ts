import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SharedTokenOptions, TokenResponse } from '../src/index.ts';
import { TokenEndpointError } from './rotating-provider.ts';
import { openScene, test, testSignedIn } from './scene.ts';

test('nothing stored is SIGN_IN_REQUIRED, reason not-signed-in, and the provider is not asked', async (scene) => {
  const error = await rejection(scene.open().getToken());
  assert.equal([error.code, error.reason, error.retryable], ['SIGN_IN_REQUIRED', 'not-signed-in', false]);
  assert.is(error.name, 'SharedTokenError');
  assert.match(error.message, /"my-app".*Call signIn\(\)$/);
  assert.not.ok('cause' in error, 'a log would show it');
  assert.is(scene.provider.refreshes, 0);
});

test('a refused refresh token is SIGN_IN_REQUIRED, reason refused, with the error of refresh as its cause', async (scene) => {
  await scene.signedIn();
  const refusal = new TokenEndpointError('invalid_grant');
  scene.provider.failures.push(refusal);
  const error = await rejection(scene.open().getToken());
  assert.equal([error.code, error.reason, error.retryable], ['SIGN_IN_REQUIRED', 'refused', false]);
  assert.is(error.cause, refusal);
});

test('a record that accepts() does not want is SIGN_IN_REQUIRED, reason not-accepted, and is not spent', async (scene) => {
  await scene.signedIn({ scope: 'files', expiresAt: Date.now() + 3_600_000 });
  const shared = scene.open({ accepts: ({ scope }) => scope?.includes('mail') ?? false });
  for (const options of [{}, { forceRefresh: true }]) {
    const error = await rejection(shared.getToken(options));
    assert.equal([error.code, error.reason], ['SIGN_IN_REQUIRED', 'not-accepted']);
  }
  assert.is(scene.provider.refreshes, 0);
});

test('a record that another process stored while this one waited is given to accepts() as well', async (scene) => {
  await scene.signedIn({ scope: 'files mail' });
  const answer = scene.holdAnswers();
  scene.provider.extra = { scope: 'files' };
  const narrow = scene.open().getToken();
  await scene.until('refresh-started');
  const wide = rejection(scene.open({ accepts: ({ scope }) => scope?.includes('mail') ?? false }).getToken());
  await scene.until('waiting');
  answer();
  await narrow;
  assert.equal([(await wide).code, (await wide).reason], ['SIGN_IN_REQUIRED', 'not-accepted']);
});

testSignedIn('a refusal is noted in the record, and the next sign-in removes the note', async (scene) => {
  const { refreshToken } = scene.record;
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  const shared = scene.open({ signIn: scene.provider.signIn });
  const before = Date.now();
  await rejection(shared.getToken({ interactive: false }));
  assert.is(scene.record.refreshToken, refreshToken, 'the record is kept until a sign-in replaces it');
  assert.is(scene.record.refusedBecause, 'invalid_grant');
  assert.ok((scene.record.refusedAt ?? 0) >= before);
  await shared.signIn();
  assert.not('refusedAt' in scene.record || 'refusedBecause' in scene.record);
});

test('the note says when and why it was refused for the first time', async (scene) => {
  await scene.signedIn({ refusedAt: 1, refusedBecause: 'the password was changed' });
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  await rejection(scene.open().getToken({ forceRefresh: true }));
  assert.equal([scene.record.refusedAt, scene.record.refusedBecause], [1, 'the password was changed']);
});

test('a refresh that works after all removes the note as well', async (scene) => {
  await scene.signedIn({ refusedAt: 1, refusedBecause: 'invalid_grant' });
  await scene.open().getToken({ forceRefresh: true });
  assert.not('refusedAt' in scene.record || 'refusedBecause' in scene.record);
});

test('a refresh token that was refused is not sent again, by whichever process, unless a call forces it', async (scene) => {
  await scene.signedIn();
  const refusal = new TokenEndpointError('invalid_grant');
  scene.provider.failures.push(refusal, refusal);
  const processes = [scene.open(), scene.open(), scene.open()];
  for (const calls of [processes, processes]) {
    const errors = await Promise.all(calls.map((shared) => rejection(shared.getToken())));
    for (const { code, reason } of errors) assert.equal([code, reason], ['SIGN_IN_REQUIRED', 'refused']);
  }
  assert.is(scene.provider.refreshes, 1);
  const { cause } = await rejection(scene.open().getToken());
  assert.is((cause as Error).message, 'invalid_grant');
  assert.is((await rejection(scene.open().getToken({ forceRefresh: true }))).cause, refusal);
  assert.is(scene.provider.refreshes, 2);
  await scene.signedIn();
  assert.is((await scene.open().getToken()).accessToken, scene.record.accessToken);
});

testSignedIn('of the calls that force a refresh at the same time, one hears the refusal for all', async (scene) => {
  const gate = Promise.withResolvers<void>();
  const refresh: SharedTokenOptions['refresh'] = async () => {
    scene.provider.refreshes++;
    await gate.promise;
    throw new TokenEndpointError('invalid_grant');
  };
  const calls = [scene.open({ refresh }), scene.open({ refresh })].map((shared) =>
    rejection(shared.getToken({ forceRefresh: true })),
  );
  await scene.until('refresh-started');
  gate.resolve();
  for (const { reason } of await Promise.all(calls)) assert.is(reason, 'refused');
  assert.is(scene.provider.refreshes, 1);
});

for (const [what, note] of [
  ['the password was changed', 'the password was changed'],
  [400, '400'],
  ['gone \ud83d', 'gone \ufffd'],
] as const) {
  testSignedIn(
    `the note of a refusal is ${JSON.stringify(note)} if describeRefusal says ${JSON.stringify(what)}`,
    async (scene) => {
      scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
      await rejection(scene.open({ describeRefusal: () => what as string }).getToken());
      assert.is(scene.record.refusedBecause, note);
    },
  );
}

testSignedIn('a refusal is no refusal if another process has stored another refresh token since', async (scene) => {
  const { refreshToken } = scene.record;
  const shared = scene.open({
    async refresh(record) {
      // A program that does not use the lock was faster.
      if (record.refreshToken === refreshToken) await scene.signedIn();
      return scene.provider.refresh(record.refreshToken === refreshToken ? { refreshToken: 'spent' } : record);
    },
  });
  assert.is((await shared.getToken()).accessToken, scene.record.accessToken);
  assert.is(scene.provider.refreshes, 2);
});

for (const error of ['invalid_grant', 'interaction_required', 'consent_required', 'login_required']) {
  for (const field of ['error', 'errorCode', 'code']) {
    test(`by default, ${error} in the field ${field} of an error, or of its cause, needs a sign-in`, async (scene) => {
      const failure = Object.assign(new Error('no'), { [field]: error });
      for (const thrown of [failure, new Error('wrapped', { cause: failure })]) {
        await scene.signedIn();
        scene.provider.failures.push(thrown);
        assert.is((await rejection(scene.open().getToken())).code, 'SIGN_IN_REQUIRED');
        assert.is(scene.record.refusedBecause, error);
      }
    });
  }
}

for (const [depth, reason] of [
  [3, 'refused'],
  [4, undefined],
] as const) {
  testSignedIn(`by default, it needs ${reason ? 'a' : 'no'} sign-in ${depth} causes deep`, async (scene) => {
    let failure: Error = new TokenEndpointError('invalid_grant');
    for (let level = 0; level < depth; level++) failure = new Error('wrapped', { cause: failure });
    scene.provider.failures.push(failure);
    assert.is((await rejection(scene.open().getToken())).reason, reason);
  });
}

for (const error of ['invalid_client', 'invalid_request', 'temporarily_unavailable', 'invalid_grant_type']) {
  testSignedIn(`by default, ${error} does not need a sign-in: the error reaches the caller as it is`, async (scene) => {
    const { record } = scene;
    const failure = new TokenEndpointError(error);
    scene.provider.failures.push(failure);
    assert.is(await rejection(scene.open({ signIn: scene.provider.signIn }).getToken()), failure);
    assert.equal(scene.record, record);
  });
}

for (const thrown of ['just text', undefined, null, 42]) {
  testSignedIn(`refresh that throws ${thrown}: the caller gets that`, async (scene) => {
    const refresh = () => Promise.reject(thrown);
    assert.is(await rejection(scene.open({ refresh }).getToken()), thrown);
  });
}

testSignedIn('needsSignIn decides instead of the default', async (scene) => {
  const needsSignIn = (error: unknown): boolean => (error as TokenEndpointError).error === 'bad_refresh_token';
  const shared = scene.open({ needsSignIn });
  scene.provider.failures.push(new TokenEndpointError('bad_refresh_token'), new TokenEndpointError('invalid_grant'));
  assert.is((await rejection(shared.getToken())).code, 'SIGN_IN_REQUIRED');
  assert.is(scene.record.refusedBecause, 'refused');
  assert.is((await rejection(shared.getToken({ forceRefresh: true }))).error, 'invalid_grant');
});

test('interactive: false never asks a person; the option of the call counts before that of the instance', async (scene) => {
  const { signIn } = scene.provider;
  assert.is((await rejection(scene.open({ signIn, interactive: false }).getToken())).code, 'SIGN_IN_REQUIRED');
  assert.is((await rejection(scene.open({ signIn }).getToken({ interactive: false }))).code, 'SIGN_IN_REQUIRED');
  assert.is(scene.count('sign-in-started'), 0);
  await scene.open({ signIn, interactive: false }).getToken({ interactive: true });
  assert.is(scene.count('sign-in-started'), 1);
});

test('interactive: false does not wait for a sign-in of another process', async (scene) => {
  const asked = rejection(scene.open({ signIn: () => new Promise(() => {}), signInTimeout: 1_000 }).getToken());
  await scene.until('sign-in-started');
  assert.is((await rejection(scene.open({ interactive: false }).getToken(), 500)).code, 'SIGN_IN_REQUIRED');
  await asked;
});

test('interactive: true without signIn is SIGN_IN_REQUIRED', async (scene) => {
  assert.is((await rejection(scene.open({ interactive: true }).getToken())).code, 'SIGN_IN_REQUIRED');
  assert.is((await rejection(scene.open().signIn())).code, 'SIGN_IN_REQUIRED');
});

test('the provider gives the token that an API rejects to whoever signs in: each call asks at most once', async () => {
  for (const refresh_token of ['kept', undefined]) {
    await using scene = openScene();
    let asked = 0;
    const signIn = async (): Promise<TokenResponse> => {
      if (++asked > 9) throw new Error('asked again and again');
      return { access_token: 'the-same', refresh_token, expires_in: 3600 };
    };
    const shared = scene.open({ signIn });
    await shared.getToken();
    asked = 0;
    const calls = Array.from({ length: 3 }, () => shared.getToken({ forceRefresh: true }));
    assert.equal(new Set((await Promise.all(calls)).map(({ accessToken }) => accessToken)), new Set(['the-same']));
    assert.is(asked, 1);
  }
});

testSignedIn('a store that cannot note a refusal does not take its place', async (scene) => {
  scene.provider.failures.push(new TokenEndpointError('invalid_grant'));
  scene.store.refuse = ({ refusedAt }) => (refusedAt === undefined ? undefined : new Error('the disk is full'));
  assert.is((await rejection(scene.open().getToken())).reason, 'refused');
});

test.run();
