import http from 'node:http';
import net from 'node:net';
import { within } from './within.ts';

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

/** One request by node:http, which says nothing that it was not told to say. Rejects after 5 s. */
export function sendRequest(url: string, { body, ...options }: RequestOptions = {}): Promise<Sent> {
  const sent = new Promise<Sent>((resolve, reject) => {
    const request = http.request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on('error', reject).end(body);
  });
  return within(5_000, 'a response', sent);
}

/** The form that a provider has the browser post (`response_mode=form_post`). */
export function postForm(url: string, parameters: Record<string, string>): Promise<Sent> {
  const body = new URLSearchParams(parameters).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) };
  return sendRequest(url, { method: 'POST', headers, body });
}

/** Writes bytes to a port of 127.0.0.1 and resolves with all that comes back until the other side hangs up. */
export function exchangeBytes(port: number, bytes: string): Promise<string> {
  const exchanged = new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', reject).on('close', () => resolve(text));
  });
  return within(5_000, 'the end of a connection', exchanged);
}
