import { AuthorizationError, readAnswer } from '../../../../packages/loopback-acceptor/src/answer/read-answer.ts';
import { check, checkMessage } from '../check.ts';

const state = 'our-state';
const issuer = 'https://issuer';

/** The parameters of an authorization response. An even first byte: with an issuer. */
export function fuzz(data: Buffer): void {
  const withIssuer = (data[0] ?? 0) % 2 === 0;
  const text = data.toString('utf8', 1);
  const answer = readAnswer(text, withIssuer ? { state, issuer } : { state });
  if (typeof answer === 'string') return;
  const params = new URLSearchParams(`?${text}`);
  const once = [...params.keys()].length === new Set(params.keys()).size;
  check('no parameter comes twice', once);
  check('the state is ours, for errors as well', params.get('state') === state);
  check('the issuer is ours, for errors as well', !withIssuer || params.get('iss') === issuer);
  if (answer instanceof AuthorizationError) {
    check('an error has no code', !params.has('code'));
    checkMessage(answer.message, []);
  } else {
    check('a code is no error', !params.has('error') && answer.code !== '');
    check('the code is as it was sent', answer.code === params.get('code'));
  }
}
