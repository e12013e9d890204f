import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { toTokenError } from '../../../packages/onedrive-token-handler/src/provider/provider-error.ts';
import { cellTexts, markdownFile } from '../src/markdown-file.ts';
import { readText } from '../src/repository.ts';

const page = markdownFile('docs/microsoft.md');
const tooManyRequests = 50196;
const rows = [
  ...page.rowsBelow('The errors').map((row) => ({ row, code: 'SIGN_IN_REQUIRED', remedy: 'Call signIn()' })),
  ...page
    .rowsBelow('Errors of the registration')
    .map((row) => ({ row, code: 'CONFIGURATION', remedy: cellTexts(row)[1] })),
].map(({ row, ...meaning }) => ({ ...meaning, numbers: (cellTexts(row)[0] ?? '').split(', ').map(Number) }));

test('the tables of errors have every number of Microsoft that the code knows, once', () => {
  const source = readText('packages/onedrive-token-handler/src/provider/provider-error.ts');
  const known = source.match(/\b\d{5,}\b/g)?.map(Number) ?? [];
  assert.ok(known.length > 10, String(known));
  const told = rows.flatMap(({ numbers }) => numbers);
  assert.equal([...told, tooManyRequests].toSorted(ascending), known.toSorted(ascending));
});

test('one number means "try again later", whatever OAuth error comes with it', () => {
  assert.ok(page.inlineCode.some(({ code }) => code === String(tooManyRequests)));
  for (const error of [
    'invalid_grant',
    'interaction_required',
    'invalid_request',
    'unauthorized_client',
    'access_denied',
  ]) {
    for (const step of ['refresh', 'code', 'authorization', 'device poll'] as const) {
      const { code, retryable } = toTokenError({ error, errorCodes: [tooManyRequests] }, step);
      assert.equal([code, retryable], ['THROTTLED', true], `${error} ${step}`);
    }
  }
});

for (const { numbers, code, remedy } of rows) {
  for (const number of numbers) {
    test(`AADSTS${number} has the error code and the remedy of its table`, () => {
      const error = toTokenError({ error: 'unknown', errorCodes: [number] }, 'refresh');
      assert.is(error.code, code);
      assert.is(error.remedy, remedy);
    });
  }
}

test('an OAuth error without a known number has the error code of the page', () => {
  for (const [error, code] of [
    ['invalid_grant', 'SIGN_IN_REQUIRED'],
    ['interaction_required', 'SIGN_IN_REQUIRED'],
    ['consent_required', 'SIGN_IN_REQUIRED'],
    ['login_required', 'SIGN_IN_REQUIRED'],
    ['access_denied', 'SIGN_IN_DENIED'],
    ['authorization_declined', 'SIGN_IN_DENIED'],
    ['server_error', 'SERVER'],
    ['temporarily_unavailable', 'SERVER'],
    ['unsupported_grant_type', 'CONFIGURATION'],
  ] as const) {
    assert.is(toTokenError({ error }, 'refresh').code, code, error);
    if (error !== 'unsupported_grant_type') {
      assert.ok(
        page.inlineCode.some((inline) => inline.code === error),
        `${error} is not on the page`,
      );
    }
  }
});

function ascending(a: number, b: number): number {
  return a - b;
}

test.run();
