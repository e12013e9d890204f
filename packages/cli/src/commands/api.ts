import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { readGraphRoot, resolveGraphPath } from '../graph/graph-address.ts';
import { GraphClient, type GraphRequest } from '../graph/graph-client.ts';
import { graphFailure } from '../graph/graph-failure.ts';
import { type RequestOptions, readRequest } from '../graph/read-request.ts';
import { openSession } from '../session.ts';
import { mayAsk } from '../settings.ts';
import { writeOut } from '../streams.ts';

export interface ApiOptions extends RequestOptions {
  paginate?: boolean;
  include?: boolean;
  output?: string;
  upload?: string;
}

/** Calls Microsoft Graph and prints what it answers. */
export async function api(command: Command, path: string, options: ApiOptions): Promise<number> {
  const { settings } = command;
  const root = readGraphRoot(settings.graph);
  const reading = readRequest(resolveGraphPath(root, path), options);
  const request = await command.interrupt.endAtOnceDuring(reading);
  await using session = await openSession(command, { interactive: mayAsk(settings) });
  const client = new GraphClient(command, session.handler, root);
  if (options.paginate) {
    const { paginate } = await import('../graph/paginate.ts');
    await paginate(client, request);
  } else if (options.output !== undefined && options.output !== '-') {
    await save(client, request, options.output, command);
  } else if (options.upload !== undefined) {
    const { upload } = await import('../graph/upload.ts');
    await print(await upload(client, request, options.upload, command), options);
  } else await print(await client.send(request), options);
  return exitStatus.done;
}

async function save(client: GraphClient, request: GraphRequest, file: string, command: Command): Promise<void> {
  const { download } = await import('../graph/download.ts');
  const { formatSize } = await import('../graph/progress.ts');
  const bytes = await download(client, request, file, command.screen);
  if (command.settings.json) writeOut(`${JSON.stringify({ file, bytes })}\n`);
  else command.screen.say(`Saved ${formatSize(bytes)} to ${file}`);
}

async function print(response: Response, { include }: ApiOptions): Promise<void> {
  const { printBody, printHead } = await import('../graph/print-response.ts');
  const failure = response.ok ? undefined : await graphFailure(include ? response.clone() : response);
  if (include) printHead(response);
  if (include || response.ok) await printBody(response);
  if (failure) throw failure;
}
