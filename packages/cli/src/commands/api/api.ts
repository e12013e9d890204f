import {
  GraphClient,
  type GraphError,
  type GraphWait,
  type TransferProgress,
  type UploadSessions,
} from 'onedrive-graph';
import { openTokenSource } from '../../session/token-source.ts';
import { unfinishedUploads } from '../../session/unfinished-uploads.ts';
import { defineCommand } from '../../settings/command.ts';
import { graphFailure, resolveAddress } from '../../settings/graph-failure.ts';
import { readSeconds } from '../../settings/time.ts';
import { UsageError } from '../../terminal/failure.ts';
import type { Interrupt } from '../../terminal/interrupt.ts';
import { writeAnswer } from '../../terminal/printable.ts';
import type { Screen } from '../../terminal/screen.ts';
import { isTerminal, sendOut, writeOut } from '../../terminal/streams.ts';
import { printResponse } from './print-response.ts';
import { encodeNames, readRequest, readUploadPath, spoolStdin } from './read-request.ts';

export const api = defineCommand({
  name: 'api',
  summary: 'call Microsoft Graph',
  description: `Calls Microsoft Graph with the token and prints the response on stdout. The path is appended to the URL of --graph. The token goes to that host only: an absolute URL must be on it, and a redirect to another host is followed without the token. After a 401 the token is refreshed once. After a 429 or 503 the request is sent again, after the wait that Graph asks for or after a few seconds. A GET is sent again after a 502 or 504 too.

If nothing comes for 30 seconds (--idle-timeout) - no connection, no first byte, no further byte - the attempt is given up. Uploads, and downloads with --output, then continue with a new connection, 5 times in a row at most; any other request ends with status 6. --timeout is for the sign-in only. If an upload or a download is interrupted, run the same command again: it continues where it stopped.

What follows root:/, up to the next : or ?, is a name as you write it, not encoded: '/me/drive/root:/100% done.txt:/content'. An absolute URL is taken as it stands.

With --json and --output: {"file": string, "bytes": number}.`,
  examples: [
    ['onedrive-token api /me/drive', 'your drive'],
    [`onedrive-token api --paginate '/me/drive/root/children?$select=name,size'`, 'all pages as one array'],
    [`onedrive-token api /me/drive/root/children -d '{"name":"new","folder":{}}'`, 'make a folder'],
    ['onedrive-token api /me/drive/root:/notes.txt:/content -o notes.txt', 'download'],
    ['onedrive-token api /me/drive/root:/disk.img --upload disk.img', 'upload'],
    ['tar c notes | onedrive-token api /me/drive/root:/notes.tar --upload -', 'upload what another program writes'],
  ],
  arguments: [{ name: '<path>', description: 'for example /me/drive, or an absolute URL on the same host' }],
  options: {
    method: { flags: '-X, --method <method>', description: 'the HTTP method (default: GET; with --data: POST)' },
    data: {
      flags: '-d, --data <data>',
      description: 'the body, as JSON: a text, @FILE, or - for stdin',
      read: String,
    },
    header: {
      flags: '-H, --header <line>',
      description: "a header, 'Name: value'; may be given several times",
      read: (line: string, before: readonly string[] = []): readonly string[] => [...before, line],
    },
    paginate: {
      flags: '--paginate',
      description: 'print the items of all pages as one array',
      conflicts: ['data', 'include', 'output', 'upload', 'method'],
    },
    include: { flags: '-i, --include', description: 'print the status and the headers too' },
    output: {
      flags: '-o, --output <file>',
      description: 'save the response to a GET in a file',
      conflicts: ['data', 'include', 'upload', 'method'],
    },
    upload: {
      flags: '--upload <file>',
      description: 'upload a file, or - for stdin, as the item at <path>; replaces an item that is there',
      conflicts: ['data', 'method'],
    },
    idleTimeout: {
      flags: '--idle-timeout <seconds>',
      description: 'how long nothing may come before an attempt is given up (default: 30)',
      read: readIdleTimeout,
    },
  },
  async run(command, options, [path = '']) {
    const { settings, screen, interrupt } = command;
    const { signal } = interrupt;
    const { include = false, output, paginate, upload } = options;
    const encoded = encodeNames(upload === undefined ? path : readUploadPath(path));
    const { root, url } = resolveAddress(settings.graph, encoded);
    const request = await interrupt.endAtOnceDuring(readRequest(options));
    const { headers } = request;
    await using session = await openTokenSource(command);
    const { handler } = session;
    const progress = showProgress(screen);
    const client = new GraphClient({
      root,
      getToken: async (needed) => (await handler.getTokenDetails(needed)).accessToken,
      fetch: (url, init) => {
        progress.endWait();
        return handler.fetch(url, init);
      },
      signal,
      onWait: (wait) => {
        const text = progress.wait(wait);
        if (settings.verbose) screen.say(text);
      },
      idleTimeout: options.idleTimeout,
    });
    /** For output whose reader may be slow. No refresh is under way then, but a new token that is not stored must not be lost. */
    const endAtOnceDuring = <T>(printing: Promise<T>): Promise<T> =>
      session.notStored ? printing : interrupt.endAtOnceDuring(printing);
    let sessions: UploadSessions | undefined;
    const send = async (named: string): Promise<Response> => {
      await using input = named === '-' ? await spoolStdin(signal) : undefined;
      if (!input) {
        // Get a token first: a person may have to sign in, and until then the account is unknown.
        await handler.getTokenDetails({ signal });
        sessions = unfinishedUploads(settings, (await handler.status()).account?.id);
      }
      const onProgress = progress.follow('Uploading');
      return await client.requestUpload(url, input?.file ?? named, { headers, onProgress, sessions });
    };
    try {
      if (paginate) {
        await printItems(client.pages(url, request), endAtOnceDuring);
      } else if (output !== undefined && output !== '-') {
        const { bytes } = await client.download(url, output, { headers, onProgress: progress.follow('Downloading') });
        screen.clear();
        if (settings.json) writeAnswer(`${JSON.stringify({ file: output, bytes })}\n`);
        else screen.say(`Saved ${formatSize(bytes)} to ${output}`);
      } else {
        const response = await (upload === undefined ? client.request(url, request) : send(upload));
        screen.clear();
        await endAtOnceDuring(printResponse(response, { include, json: settings.json, url, signal }));
      }
    } catch (error) {
      const mayContinue = signal.aborted || (error as GraphError).retryable;
      if (sessions && mayContinue) screen.say('Run the same command again to continue the upload.');
      screen.clear();
      throw graphFailure(error, settings);
    }
  },
});

/** Returns milliseconds. Node's own fetch waits for 300 s at most. */
function readIdleTimeout(value: string): number {
  const timeout = readSeconds(value, 300);
  if (timeout === undefined) throw new UsageError('Expected seconds, above 0 and at most 300.');
  return timeout;
}

/** Prints the items of all pages as one JSON array, each as it comes. */
async function printItems(items: AsyncIterable<unknown>, endAtOnceDuring: Interrupt['endAtOnceDuring']): Promise<void> {
  let count = 0;
  for await (const item of items) {
    const text = `${count++ === 0 ? '[' : ',\n'}${JSON.stringify(item)}`;
    if (!(isTerminal(1) ? writeAnswer(text) : await endAtOnceDuring(sendOut(text)))) return;
  }
  writeOut(count === 0 ? '[]\n' : ']\n');
}

/** Shows on a terminal how far a transfer is, or why the next request has to wait. */
function showProgress(screen: Screen) {
  let transfer = '';
  let waiting: { readonly reason: string; readonly until: number } | undefined;
  const text = (): string => {
    if (!waiting) return transfer;
    return `${waiting.reason}; next attempt in ${Math.ceil((waiting.until - Date.now()) / 1000)} s`;
  };
  return {
    /** Returns a listener for the progress of a transfer. `verb` names the transfer, for example `Uploading`. */
    follow:
      (verb: string) =>
      ({ done, total }: TransferProgress): void => {
        const share = total ? ` of ${formatSize(total)} (${Math.floor((100 * done) / total)} %)` : '';
        transfer = `${verb} ${formatSize(done)}${share}`;
        screen.spin(text);
      },
    /** Shows a wait until `endWait` is called. Returns its text. */
    wait({ reason, delay }: GraphWait): string {
      waiting = { reason, until: Date.now() + delay };
      screen.spin(text);
      return text();
    },
    /** To be called before each request. */
    endWait(): void {
      waiting = undefined;
      if (transfer === '') screen.clear();
    },
  };
}

/** 1536 becomes '1.5 KiB'. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
