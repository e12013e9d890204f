import { judgeHead } from '../../../../packages/loopback-acceptor/src/http/judge-head.ts';
import { parseHead } from '../../../../packages/loopback-acceptor/src/http/message.ts';
import { check } from '../check.ts';

const target = { host: 'localhost:80', path: '/' };

/** The head of a request, as the acceptor reads it. The first byte is not a part of it. */
export function fuzz(data: Buffer): void {
  const text = data.toString('latin1', 1).split('\r\n\r\n', 1)[0] ?? '';
  const head = parseHead(text);
  if (!head) return;
  check('a request begins with a letter', /^[A-Z]/.test(text));
  const verdict = judgeHead(head, target);
  if (typeof verdict !== 'number') return;
  check('only GET and POST are read', head.method === 'GET' || head.method === 'POST');
  check('the Host is ours', head.headers.get('host') === target.host);
  check('the path is ours', head.target.split('?', 1)[0] === target.path);
  check('no part of a page is the answer', (head.headers.get('sec-fetch-dest') ?? 'document') === 'document');
  check('the body has one length', !head.headers.has('transfer-encoding'));
  check('the body has its stated length', verdict === Number(head.headers.get('content-length') ?? 0));
  check('the body is small', verdict >= 0 && verdict <= 65_536);
  check('a GET has no body', head.method === 'POST' || verdict === 0);
}
