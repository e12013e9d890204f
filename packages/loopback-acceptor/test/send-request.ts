import http from 'node:http';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { within } from 'testing-authority/within';

export interface Sent {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

export interface RequestOptions {
  method?: string;
  headers?: http.OutgoingHttpHeaders;
  body?: string;
  agent?: http.Agent;
}

/** Sends one request by node:http, which adds no headers of a browser. Rejects if there is no response in time. */
export function sendRequest(url: string, { body, ...options }: RequestOptions = {}): Promise<Sent> {
  const sent = new Promise<Sent>((resolve, reject) => {
    const request = http.request(url, options, (response) => {
      const { statusCode: status = 0, headers } = response;
      text(response).then((page) => resolve({ status, headers, text: page }), reject);
    });
    request.on('error', reject).end(body);
  });
  return within('a response', sent);
}

/** Answers an acceptor whose state is `right`, and resolves with the page. */
export function answer(redirectUri: string, code = 'a'): Promise<Sent> {
  return sendRequest(`${redirectUri}/?code=${code}&state=right`);
}

/** Posts a form as a browser does with `response_mode=form_post`. */
export function postForm(url: string, parameters: Record<string, string>): Promise<Sent> {
  const body = new URLSearchParams(parameters).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) };
  return sendRequest(url, { method: 'POST', headers, body });
}

/** Writes bytes to a port of 127.0.0.1 and resolves with the response, when the other side has closed the connection. */
export function exchangeBytes(port: number, bytes: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
  return within('the end of a connection', text(socket));
}
