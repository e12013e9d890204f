import { realpathSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { Failure, fileFailure } from '../failure.ts';
import { UsageError } from '../usage-error.ts';
import type { GraphClient, GraphRequest } from './graph-client.ts';
import { Progress } from './progress.ts';
import { readText } from './read-body.ts';
import { type FileVersion, UnfinishedUploads } from './unfinished-uploads.ts';
import { UploadSession, type UploadSource } from './upload-session.ts';

/**
 * Uploads a file as the item that `item.url` names, through Graph's upload session; an upload that broke off, in this
 * process or an earlier one, goes on where it stopped. An item of that name is replaced. Settles with Graph's answer.
 */
export async function upload(
  client: GraphClient,
  item: Omit<GraphRequest, 'method'>,
  file: string,
  command: Command,
): Promise<Response> {
  await using input = await open(file, 'r').catch((error) => {
    throw fileFailure('read', file, error);
  });
  const info = await input.stat();
  if (!info.isFile()) throw new UsageError(`--upload: ${file} is not a file`);
  const source = { input, file, size: info.size };
  if (info.size === 0) {
    // A session has no piece without a byte.
    const url = partOf(item.url, 'content');
    return client.sendSuccessfully({ ...item, method: 'PUT', url, body: new Uint8Array() });
  }
  try {
    return await sendInSessions(client, item, source, {
      command,
      version: { size: info.size, modified: info.mtimeMs },
    });
  } catch (error) {
    if (command.interrupt.signal.aborted) command.screen.say('The same command goes on where this one stopped.');
    throw error;
  }
}

async function sendInSessions(
  client: GraphClient,
  item: Omit<GraphRequest, 'method'>,
  source: UploadSource,
  { command: { settings, screen }, version }: { command: Command; version: FileVersion },
): Promise<Response> {
  const unfinished = new UnfinishedUploads(settings.db);
  const name = [settings.app, item.url.href, realpathSync(source.file)].join(' ');
  let uploadUrl = unfinished.find(name, version);
  // An old session may be gone, and a new one may be taken away once.
  for (let sessions = 0; sessions < 3; sessions++) {
    const isOld = uploadUrl !== undefined;
    if (uploadUrl === undefined) {
      const created = await createSession(client, item);
      uploadUrl = created.uploadUrl;
      unfinished.keep(name, { ...version, ...created });
    }
    using progress = new Progress(screen, 'Uploading', source.size);
    const response = await new UploadSession(client, uploadUrl, source).send(isOld ? undefined : 0, progress);
    unfinished.forget(name);
    if (response) return response;
    uploadUrl = undefined;
  }
  throw new Failure('Graph ended the upload before it was complete', exitStatus.unavailable);
}

async function createSession(
  client: GraphClient,
  { url, headers }: Omit<GraphRequest, 'method'>,
): Promise<{ uploadUrl: string; expires: string }> {
  const sent = new Headers(headers);
  sent.set('content-type', 'application/json');
  const response = await client.sendSuccessfully({
    method: 'POST',
    url: partOf(url, 'createUploadSession'),
    headers: sent,
    body: new TextEncoder().encode('{"item":{"@microsoft.graph.conflictBehavior":"replace"}}'),
  });
  const { uploadUrl, expirationDateTime } = JSON.parse(await readText(response)) as Record<string, unknown>;
  if (typeof uploadUrl !== 'string' || !URL.canParse(uploadUrl))
    throw new Failure('Graph gave no address to upload to', exitStatus.unavailable);
  return { uploadUrl, expires: String(expirationDateTime) };
}

/** `…/root:/notes.txt` becomes `…/root:/notes.txt:/content`, and `…/items/ID` becomes `…/items/ID/content`. */
function partOf(item: URL, part: string): URL {
  const url = new URL(item);
  const path = url.pathname.replace(/[:/]+$/, '');
  url.pathname = path.includes(':/') ? `${path}:/${part}` : `${path}/${part}`;
  return url;
}
