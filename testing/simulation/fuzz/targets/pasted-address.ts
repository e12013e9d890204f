import { AuthorizationError } from '../../../../packages/loopback-acceptor/src/answer/read-answer.ts';
import {
  RedirectUrlError,
  readRedirectUrl,
} from '../../../../packages/loopback-acceptor/src/answer/read-redirect-url.ts';
import { check, checkMessage } from '../check.ts';

const expected = { state: 'our-state', redirectUri: 'http://localhost:80' };

/** The address that a user pastes. What terminals and mail programs add does not change how it is read. */
export function fuzz(data: Buffer): void {
  const pasted = data.toString('utf8');
  const outcome = read(pasted);
  const half = Math.floor(pasted.length / 2);
  const surrogate = /[\uD800-\uDBFF]$/.test(pasted.slice(0, half));
  const wrapped = `"\x1b[200~${pasted.slice(0, half)}\r\n  ${pasted.slice(half)}\x1b[201~ "`;
  check('a line break and quotes change nothing', surrogate || pasted.includes('\x1b') || read(wrapped) === outcome);
}

function read(pasted: string): string {
  try {
    const { code, params } = readRedirectUrl(pasted, expected);
    check('the state is ours', params.get('state') === expected.state);
    check('there is a code and no error', code !== '' && !params.has('error'));
    return `code ${code}`;
  } catch (error) {
    if (!(error instanceof AuthorizationError) && !(error instanceof RedirectUrlError)) throw error;
    // A provider that knows the state may quote it in its description.
    checkMessage(error.message, error instanceof RedirectUrlError ? [expected.state] : []);
    return error.message;
  }
}
