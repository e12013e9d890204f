/** The parsers that read foreign bytes, each with what its inputs look like. */
export const targets = {
  'request-head': {
    seeds: [
      '\x80GET /?code=c&state=s HTTP/1.1\r\nHost: localhost:80\r\nSec-Fetch-Dest: document',
      '\x80POST / HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: 12\r\nContent-Type: application/x-www-form-urlencoded',
    ],
    words: [
      'Host: localhost:80',
      'Content-Length: ',
      'Transfer-Encoding: chunked',
      'Sec-Fetch-Dest: ',
      'Expect: ',
      '\r\n',
      'HTTP/1.1',
    ],
  },
  'authorization-response': {
    seeds: [
      '\x01code=c&state=our-state',
      '\x00error=access_denied&error_description=no&state=our-state&iss=https%3A%2F%2Fissuer',
    ],
    words: ['&state=our-state', '&iss=https://issuer', '&code=', '&error=', '&error_description=', '%00', '%0d%0a'],
  },
  'token-response': {
    seeds: [
      '\x00{"token_type":"Bearer","access_token":"a","expires_in":3600,"refresh_token":"r","scope":"Files.Read"}',
      '\x04{"error":"invalid_grant","error_description":"AADSTS70000: no.\\r\\nTrace ID: x","error_codes":[70000]}',
    ],
    words: [
      '"expires_in":',
      '"refresh_token_expires_in":',
      '"id_token":"',
      '"error":',
      '"error_codes":[',
      'the-secret-refresh-token',
      '\\u0000',
    ],
  },
  'pasted-address': {
    seeds: [
      'http://localhost:80/?code=c&state=our-state',
      'localhost:80/?error=access_denied&state=our-state#fragment',
    ],
    words: ['http://localhost:80/?', 'code=', '&state=our-state', '&error=', '\x1b[200~', '%20', '#'],
  },
} as const;

export type TargetName = keyof typeof targets;

export const targetNames = Object.keys(targets) as TargetName[];
