import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { type Fault, issueCertificate, signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { OneDriveTokenErrorCode, OneDriveTokenHandlerOptions, TokenRecord } from '../src/index.ts';
import { openScene, rejection, type Scene } from './scene.ts';

const json = 'application/json';

interface Case {
  name: string;
  fault: Fault;
  code: OneDriveTokenErrorCode;
  retryable: boolean;
  /** How many refresh requests reach the provider. */
  requests: number;
  retryAfter?: number;
}

const cases: Case[] = [
  {
    name: 'a connection that is reset before the provider has read the request',
    fault: { type: 'drop', when: 'before' },
    code: 'NETWORK',
    retryable: true,
    requests: 1,
  },
  { name: 'a connection that never answers', fault: { type: 'hang' }, code: 'NETWORK', retryable: true, requests: 1 },
  { name: 'an answer that never ends', fault: { type: 'stall' }, code: 'NETWORK', retryable: true, requests: 1 },
  {
    name: 'a connection that is reset after the provider has issued new tokens',
    fault: { type: 'drop', when: 'after' },
    code: 'NETWORK',
    retryable: true,
    requests: 1,
  },
  {
    name: '429 with Retry-After in seconds, longer than requestTimeout',
    fault: { type: 'status', status: 429, retryAfter: '120' },
    code: 'THROTTLED',
    retryable: true,
    requests: 1,
    retryAfter: 120_000,
  },
  {
    name: '429 with Retry-After as a date',
    fault: { type: 'status', status: 429, retryAfter: new Date(Date.now() + 3_600_000).toUTCString() },
    code: 'THROTTLED',
    retryable: true,
    requests: 1,
    retryAfter: 3_600_000,
  },
  {
    name: '500 with HTML each time',
    fault: { type: 'status', status: 500, body: '<h1>Internal error</h1>' },
    code: 'SERVER',
    retryable: true,
    requests: 3,
  },
  {
    name: '503 with Retry-After longer than requestTimeout',
    fault: { type: 'status', status: 503, retryAfter: '60' },
    code: 'THROTTLED',
    retryable: true,
    requests: 1,
    retryAfter: 60_000,
  },
  {
    name: 'HTML with status 200',
    fault: { type: 'status', status: 200, body: '<html>Welcome to the hotel</html>' },
    code: 'RESPONSE',
    retryable: true,
    requests: 1,
  },
  {
    name: 'an empty body',
    fault: { type: 'status', status: 200, body: '', contentType: json },
    code: 'RESPONSE',
    retryable: true,
    requests: 1,
  },
  {
    name: 'truncated JSON',
    fault: { type: 'status', status: 200, body: '{"access_token":"eyJ', contentType: json },
    code: 'RESPONSE',
    retryable: true,
    requests: 1,
  },
  {
    name: 'JSON that is not an object',
    fault: { type: 'status', status: 200, body: '[]', contentType: json },
    code: 'RESPONSE',
    retryable: true,
    requests: 1,
  },
  {
    name: 'a body of 10 MB',
    fault: { type: 'status', status: 200, body: `{"x":"${'x'.repeat(10_000_000)}"}`, contentType: json },
    code: 'RESPONSE',
    retryable: true,
    requests: 1,
  },
  {
    name: 'a redirect',
    fault: { type: 'status', status: 302, headers: { location: 'http://127.0.0.1:1/' } },
    code: 'RESPONSE',
    retryable: true,
    requests: 1,
  },
  {
    name: '400 with JSON that has no error',
    fault: { type: 'status', status: 400, body: '{"message":"no"}', contentType: json },
    code: 'RESPONSE',
    retryable: true,
    requests: 1,
  },
  ...['mac', undefined].map(
    (token_type): Case => ({
      name: `the token_type ${token_type}`,
      fault: change({ token_type }),
      code: 'RESPONSE',
      retryable: false,
      requests: 1,
    }),
  ),
  ...[405, 410].map(
    (status): Case => ({
      name: `${status}, without an error`,
      fault: { type: 'status', status, body: '<h1>No</h1>' },
      code: 'RESPONSE',
      retryable: false,
      requests: 1,
    }),
  ),
  {
    name: 'an error with status 200',
    fault: { type: 'status', status: 200, body: '{"error":"invalid_grant"}', contentType: json },
    code: 'SIGN_IN_REQUIRED',
    retryable: false,
    requests: 1,
  },
  {
    name: 'no access_token',
    fault: change({ access_token: undefined }),
    code: 'RESPONSE',
    retryable: false,
    requests: 1,
  },
  {
    name: 'an access_token with a line break',
    fault: change({ access_token: 'a\r\nb' }),
    code: 'RESPONSE',
    retryable: false,
    requests: 1,
  },
  { name: 'a negative expires_in', fault: change({ expires_in: -1 }), code: 'RESPONSE', retryable: false, requests: 1 },
  {
    name: 'an expires_in above a year',
    fault: change({ expires_in: 31_536_001 }),
    code: 'RESPONSE',
    retryable: false,
    requests: 1,
  },
  {
    name: 'an expires_in that is not a number',
    fault: change({ expires_in: 'soon' }),
    code: 'RESPONSE',
    retryable: false,
    requests: 1,
  },
  {
    name: 'too many requests in a short time, with an OAuth error that would end the sign-in',
    fault: oauth('invalid_grant', 50196),
    code: 'THROTTLED',
    retryable: true,
    requests: 1,
  },
  {
    name: 'an unknown client',
    fault: oauth('unauthorized_client', 700016),
    code: 'CONFIGURATION',
    retryable: false,
    requests: 1,
  },
  {
    name: 'server_error',
    fault: { type: 'oauth', error: 'server_error' },
    code: 'SERVER',
    retryable: true,
    requests: 1,
  },
  {
    name: 'invalid_grant',
    fault: oauth('invalid_grant', 70000),
    code: 'SIGN_IN_REQUIRED',
    retryable: false,
    requests: 1,
  },
];

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
  { fault, code, retryable, requests, retryAfter }: Case,
  { scene, options }: FaultScene,
): Promise<void> {
  const { openTokenStore } = await import('token-store-sqlite');
  using store = openTokenStore(scene.dbFilepath);
  await scene.tokenExpires(store);
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
  assert.equal(after, before);
  assert.is(refusedAt !== undefined && refusedBecause !== undefined, needsSignIn, 'a refusal is noted in the record');
  if (needsSignIn) {
    await scene.handler(options).getToken();
    assert.is(scene.windows.length, windowsBefore + 1, 'a browser opens if it may');
  }
  scene.authority.clearFaults();
  // If the provider has issued a new refresh token, it revokes the grant when it gets the old one again.
  const isSpent = fault.type === 'response' || (fault.type === 'drop' && fault.when === 'after');
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
    cases.filter(({ fault, requests }) => waits === (isUnanswered(fault) || requests > 1)),
  ) as [Case[], Case[]];
  const says = ({ name, code }: Case): string =>
    `${way.name}: ${name}: the error is ${code}, and the stored tokens stay as they were`;
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
