import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { type Fault, issueCertificate, signInAs } from 'testing-authority';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { OneDriveTokenErrorCode, OneDriveTokenHandlerOptions, TokenRecord } from '../src/index.ts';
import { openScene, rejection, type Scene } from './scene.ts';

interface More {
  /** How many refresh requests reach the provider. Default 1. */
  readonly requests?: number;
  readonly retryAfter?: number;
}

type Case = readonly [name: string, fault: Fault, code: OneDriveTokenErrorCode, retryable: boolean, more?: More];

const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();

const cases: readonly Case[] = [
  ['a connection that is reset before the provider has read the request', drop('before'), 'NETWORK', true],
  ['a connection that is reset after the provider has issued new tokens', drop('after'), 'NETWORK', true],
  ['a connection that never answers', { type: 'hang' }, 'NETWORK', true],
  ['an answer that never ends', { type: 'stall' }, 'NETWORK', true],
  ['429 with Retry-After longer than requestTimeout', busy(429, '120'), 'THROTTLED', true, { retryAfter: 120_000 }],
  ['429 with Retry-After as a date', busy(429, inAnHour), 'THROTTLED', true, { retryAfter: 3_600_000 }],
  ['503 with Retry-After longer than requestTimeout', busy(503, '60'), 'THROTTLED', true, { retryAfter: 60_000 }],
  ['500 with HTML each time', answer(500, '<h1>Internal error</h1>'), 'SERVER', true, { requests: 3 }],
  ['HTML with status 200', answer(200, '<html>Welcome to the hotel</html>'), 'RESPONSE', true],
  ['an empty body', answer(200, ''), 'RESPONSE', true],
  ['truncated JSON', answer(200, '{"access_token":"eyJ'), 'RESPONSE', true],
  ['JSON that is not an object', answer(200, '[]'), 'RESPONSE', true],
  ['a body of 10 MB', answer(200, `{"x":"${'x'.repeat(10_000_000)}"}`), 'RESPONSE', true],
  ['a redirect', { type: 'status', status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'RESPONSE', true],
  ['400 with JSON that has no error', answer(400, '{"message":"no"}'), 'RESPONSE', true],
  ['405, without an error', answer(405, '<h1>No</h1>'), 'RESPONSE', false],
  ['410, without an error', answer(410, '<h1>No</h1>'), 'RESPONSE', false],
  ['the token_type mac', change({ token_type: 'mac' }), 'RESPONSE', false],
  ['no token_type', change({ token_type: undefined }), 'RESPONSE', false],
  ['no access_token', change({ access_token: undefined }), 'RESPONSE', false],
  ['an error with status 200', answer(200, '{"error":"invalid_grant"}'), 'SIGN_IN_REQUIRED', false],
  ['invalid_grant', oauth('invalid_grant', 70000), 'SIGN_IN_REQUIRED', false],
  [
    'too many requests, with an OAuth error that would end the sign-in',
    oauth('invalid_grant', 50196),
    'THROTTLED',
    true,
  ],
  ['an unknown client', oauth('unauthorized_client', 700016), 'CONFIGURATION', false],
  ['server_error', { type: 'oauth', error: 'server_error' }, 'SERVER', true],
];

function drop(when: 'before' | 'after'): Fault {
  return { type: 'drop', when };
}

function busy(status: number, retryAfter: string): Fault {
  return { type: 'status', status, retryAfter };
}

function answer(status: number, body: string): Fault {
  return { type: 'status', status, body, contentType: body.startsWith('<') ? 'text/html' : 'application/json' };
}

function change(fields: Record<string, unknown>): Fault {
  return { type: 'response', change: (body) => ({ ...body, ...fields }) };
}

/** An error of the token endpoint with Microsoft's numbers. */
export function oauth(error: string, ...errorCodes: number[]): Fault {
  const description = errorCodes.map((number) => `AADSTS${number}: said so.`).join(' ');
  return { type: 'oauth', error, description, errorCodes };
}

/** A way on which requests reach the provider. */
export interface Way {
  readonly name: string;
  readonly options?: Partial<OneDriveTokenHandlerOptions>;
  readonly isSecure?: boolean;
}

const certificate = issueCertificate();

interface FaultScene {
  readonly scene: Scene;
  readonly options: Partial<OneDriveTokenHandlerOptions>;
}

/** A provider, and a user who has signed in on this way. */
async function openFaultScene(way: Way): Promise<FaultScene> {
  const tls = way.isSecure ? certificate : undefined;
  const scene = await openScene({ accessTokenTtl: 1, ...(tls && { tls }) });
  const openBrowser = (url: string): unknown => {
    scene.windows.push(url);
    return signInAs(url, tls && { ca: tls.ca });
  };
  const options = { openBrowser, signInTimeout: 40_000, requestTimeout: 30_000, ...way.options };
  await scene.signedIn(options);
  return { scene, options };
}

/**
 * The user is signed in before and after it. If the error needs no sign-in, the handler may open a browser, so that only the error
 * decides whether one opens.
 */
async function meet(
  [, fault, code, retryable, { requests = 1, retryAfter } = {}]: Case,
  { scene, options }: FaultScene,
): Promise<void> {
  using store = openTokenStore(scene.dbFilepath);
  scene.tokenExpires();
  const before = store.get('my-app');
  const requestsBefore = scene.authority.count('token', 'refresh_token');
  const windowsBefore = scene.windows.length;
  scene.authority.fail('token', fault, { times: 9, grantType: 'refresh_token' });
  const needsSignIn = code === 'SIGN_IN_REQUIRED';
  const requestTimeout = isUnanswered(fault) ? 4_000 : 30_000;
  const handler = scene.handler({ ...options, interactive: !needsSignIn, requestTimeout });
  const started = performance.now();
  const error = await rejection(handler.getToken());
  assert.ok(performance.now() - started < requestTimeout + 30_000, 'about as long as one exchange may take');
  assert.is(error.code, code);
  assert.is(error.retryable, retryable);
  assert.is(error.reason, needsSignIn ? 'refused' : undefined);
  // The date was written when this file was loaded, and these tests take long on a busy machine.
  if (retryAfter) assert.ok(Math.abs((error.retryAfter ?? 0) - retryAfter) < 600_000, `${error.retryAfter}`);
  assert.is(scene.authority.count('token', 'refresh_token'), requestsBefore + requests);
  assert.is(scene.windows.length, windowsBefore, 'no browser');
  const { refusedAt, refusedBecause, ...after } = store.get('my-app') as TokenRecord;
  // An answer that cannot be used has spent the old refresh token, and brings the new one.
  const isRotated = fault.type === 'response';
  assert.is(after.refreshToken !== before?.refreshToken, isRotated);
  assert.equal({ ...after, refreshToken: '' }, { ...before, refreshToken: '' });
  assert.is(refusedAt !== undefined && refusedBecause !== undefined, needsSignIn, 'a refusal is noted in the record');
  if (needsSignIn) {
    await scene.handler(options).getToken();
    assert.is(scene.windows.length, windowsBefore + 1, 'a browser opens if it may');
  }
  scene.authority.clearFaults();
  // If the provider has issued a new refresh token, it revokes the grant when it gets the old one again.
  const isSpent = fault.type === 'drop' && fault.when === 'after';
  if (isSpent) await scene.signedIn(options);
  else if (!needsSignIn) await scene.handler({ ...options, interactive: false }).getToken();
}

function isUnanswered({ type }: Fault): boolean {
  return type === 'hang' || type === 'stall';
}

/** Every fault, over this way: one after the other with one provider, then those that wait, at once with one each. */
export function testFaults(way: Way): void {
  if (way.isSecure) setDefaultCACertificates([...getCACertificates(), certificate.ca]);
  let shared: FaultScene | undefined;
  test.after(async () => {
    await shared?.scene[Symbol.asyncDispose]();
  });
  const meetAlone = async (each: Case): Promise<void> => {
    const own = await openFaultScene(way);
    await using _ = own.scene;
    await meet(each, own);
  };
  const [quick, slow] = [false, true].map((waits) =>
    cases.filter(([, fault, , , more]) => waits === (isUnanswered(fault) || more?.requests !== undefined)),
  ) as [Case[], Case[]];
  const says = ([name, , code]: Case): string =>
    `${way.name}: ${name}: the error is ${code}, and the sign-in is not lost`;
  for (const each of quick) {
    test(says(each), async () => {
      shared ??= await openFaultScene(way);
      await meet(each, shared);
    });
  }
  let meetings: Promise<void>[] | undefined;
  for (const [index, each] of slow.entries()) {
    test(says(each), () => {
      meetings ??= slow.map(meetAlone);
      for (const meeting of meetings) meeting.catch(() => {});
      return meetings[index] as Promise<void>;
    });
  }
}
