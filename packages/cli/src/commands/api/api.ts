import { GraphClient, GraphClientError, GraphError } from 'onedrive-graph';
import { openTokenSource } from '../../session/open-token-source.ts';
import type { Command } from '../../settings/command.ts';
import { mayAsk } from '../../settings/settings.ts';
import { exitStatus } from '../../terminal/failure.ts';
import { writeOut } from '../../terminal/streams.ts';
import { readGraphRoot, resolveGraphPath } from './graph-address.ts';
import { graphFailure } from './graph-failure.ts';
import { printResponse } from './print-response.ts';
import { formatSize, Progress } from './progress.ts';
import { type ApiRequest, type RequestOptions, readRequest } from './read-request.ts';
import { spoolStdin } from './spool-stdin.ts';
import { UnfinishedUploads } from './unfinished-uploads.ts';
import { encodeUploadPath } from './upload-path.ts';

export interface ApiOptions extends RequestOptions {
  paginate?: boolean;
  include?: boolean;
  output?: string;
  upload?: string;
  /** Milliseconds. Default: that of onedrive-graph. */
  idleTimeout?: number;
}

interface Call {
  readonly command: Command;
  readonly client: GraphClient;
  readonly request: ApiRequest;
  readonly options: ApiOptions;
  readonly progress: Progress;
}

/** Calls Microsoft Graph and prints what it answers. */
export async function api(command: Command, path: string, options: ApiOptions): Promise<number> {
  const { settings, screen, interrupt } = command;
  const root = readGraphRoot(settings.graph);
  const itemPath = options.upload === undefined ? path : encodeUploadPath(path);
  const reading = readRequest(resolveGraphPath(root, itemPath), options);
  const request = await interrupt.endAtOnceDuring(reading);
  await using session = await openTokenSource(command, { interactive: mayAsk(settings) });
  const { handler } = session;
  using progress = new Progress(screen, { tellsWaits: settings.verbose });
  const client = new GraphClient({
    root,
    getToken: (needed) => handler.getToken(needed),
    fetch: (url, init) => {
      progress.endWait();
      return handler.fetch(url, init);
    },
    signal: interrupt.signal,
    onWait: (wait) => progress.wait(wait),
    onSilence: (silence) => progress.silence(silence),
    idleTimeout: options.idleTimeout,
  });
  try {
    await callAndPrint({ command, client, request, options, progress });
  } catch (error) {
    throw graphFailure(error, settings);
  }
  return exitStatus.done;
}

async function callAndPrint(call: Call): Promise<void> {
  const { command, client, options } = call;
  const { url, ...init } = call.request;
  if (options.paginate) await printItems(client.pages(url, init));
  else if (options.output !== undefined && options.output !== '-') await save(call, options.output);
  else {
    const { upload } = options;
    const response = await (upload === undefined ? client.request(url, init) : sendInput(call, upload));
    await printResponse(response, { include: options.include === true, signal: command.interrupt.signal });
  }
}

/** Prints the items of all pages as one JSON array, each as it comes. */
async function printItems(items: AsyncIterable<unknown>): Promise<void> {
  let count = 0;
  for await (const item of items) writeOut(`${count++ === 0 ? '[' : ',\n'}${JSON.stringify(item)}`);
  writeOut(count === 0 ? '[]\n' : ']\n');
}

async function save({ command, client, request, progress }: Call, file: string): Promise<void> {
  const { url, headers } = request;
  const { bytes } = await client.download(url, file, { headers, onProgress: progress.follow('Downloading') });
  progress.end();
  if (command.settings.json) writeOut(`${JSON.stringify({ file, bytes })}\n`);
  else command.screen.say(`Saved ${formatSize(bytes)} to ${file}`);
}

async function sendInput(call: Call, file: string): Promise<Response> {
  if (file !== '-') return sendFile(call, file);
  await using input = await spoolStdin(call.command.interrupt.signal);
  return await sendFile(call, input.file, { isKept: false });
}

async function sendFile(
  { command, client, request, progress }: Call,
  file: string,
  { isKept = true }: { isKept?: boolean } = {},
): Promise<Response> {
  const { settings, screen, interrupt } = command;
  const { url, headers } = request;
  const sessions = new UnfinishedUploads(settings);
  try {
    const kept = isKept ? { sessions } : {};
    return await client.requestUpload(url, file, { headers, ...kept, onProgress: progress.follow('Uploading') });
  } catch (error) {
    if (sessions.isLastKept && (interrupt.signal.aborted || isWorthContinuing(error))) {
      progress.end();
      screen.say('Run the same command again to continue the upload.');
    }
    throw error;
  } finally {
    progress.end();
  }
}

function isWorthContinuing(error: unknown): boolean {
  if (error instanceof GraphClientError) return error.retryable;
  // After a full drive too: there may be space by then.
  return error instanceof GraphError && (error.retryable || error.status === 507);
}
