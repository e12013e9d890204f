import type { BigIntStats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { fileError, GraphClientError } from '../graph-client-error.ts';
import { GraphError, readJson } from '../request/graph-error.ts';
import type { GraphRequest } from '../request/graph-request.ts';
import type { RequestSender } from '../request/request-sender.ts';
import type { TransferProgress } from './transfer-options.ts';
import { UploadSession, type UploadSource } from './upload-session.ts';
import { isContinuable, isUploadAddress, type UnfinishedUpload, type UploadSessions } from './upload-sessions.ts';

/** The session that was kept may be gone, and Graph may end a new one. */
const maxSessions = 3;

interface Upload {
  readonly sender: RequestSender;
  /** Has the URL of the item and the headers for Graph. */
  readonly item: GraphRequest;
  readonly sessions: UploadSessions | undefined;
  readonly onProgress: ((progress: TransferProgress) => void) | undefined;
}

/**
 * Uploads a file as the item that the request names, in place of an item of that name; goes on if an earlier upload of the
 * same content is kept in `sessions`. Returns Graph's last answer. Throws GraphError, GraphClientError, the signal's reason.
 */
export async function upload(to: Upload, file: string): Promise<Response> {
  const { sender, item, onProgress } = to;
  const fail = (error: unknown): never => {
    throw fileError('read', file, error);
  };
  // Checked before it is opened: to open a pipe waits for its writer.
  if (!(await stat(file).catch(fail)).isFile()) throw new GraphClientError('NOT_A_FILE', `${file} is not a file`);
  await using input = await open(file, 'r').catch(fail);
  const before = await input.stat({ bigint: true });
  const size = Number(before.size);
  const isUnchanged = async (): Promise<boolean> =>
    isSame(before, await stat(file, { bigint: true }).catch(() => undefined));
  if (size > 0) return await sendInSessions(to, { input, file, size, isUnchanged }, Number(before.mtimeNs) / 1e6);
  // So it is below /proc. A session must be told the size before it gets the bytes.
  const { bytesRead } = await input.read(new Uint8Array(1), 0, 1, 0).catch(fail);
  if (bytesRead > 0) fail(new Error('it has bytes, but its size is 0; upload a copy of it'));
  // A session does not accept an empty piece.
  onProgress?.({ done: 0, total: 0 });
  const url = actionUrl(item.url, 'content');
  const response = await sender.sendSuccessfully({ ...item, method: 'PUT', url, body: new Uint8Array() });
  await checkItem(response, item.signal);
  return response;
}

/** Throws notGraph or RESPONSE: a captive portal, or a proxy that blocks, answers with success too. */
async function checkItem(response: Response, signal: AbortSignal): Promise<void> {
  if (typeof Object(await readJson(response.clone(), signal)).id === 'string') return;
  throw new GraphClientError('RESPONSE', 'Graph took the file, but did not answer with an item');
}

/** Whether the path leads to the same content as before. */
function isSame(before: BigIntStats, now: BigIntStats | undefined): boolean {
  return (['dev', 'ino', 'size', 'mtimeNs'] as const).every((field) => now?.[field] === before[field]);
}

async function sendInSessions(to: Upload, source: UploadSource, modifiedAt: number): Promise<Response> {
  const { sender, item, sessions, onProgress } = to;
  const { size } = source;
  // A file that is deleted has no path, but may be open as /dev/fd/3.
  const name = `${item.url.href} ${await realpath(source.file).catch(() => source.file)}`;
  const kept = await sessions?.get(name);
  let uploadUrl = isContinuable(kept, { size, modifiedAt }) ? kept.uploadUrl : undefined;
  for (let count = 0; count < maxSessions; count++) {
    const isOld = uploadUrl !== undefined;
    if (uploadUrl === undefined) {
      const created = await createSession(sender, item);
      uploadUrl = created.uploadUrl;
      await sessions?.set(name, { ...created, size, modifiedAt });
    }
    const session = new UploadSession(sender, uploadUrl, source, item.signal);
    const report = (done: number): void => onProgress?.({ done, total: size });
    report(0);
    const response = await session.send(isOld ? undefined : 0, report).catch(async (error) => {
      if (error instanceof GraphError && error.code === 'sourceChanged') await session.cancel();
      if (isFinal(error)) await sessions?.delete(name);
      throw error;
    });
    // Before the upload is forgotten: a captive portal is no reason for that.
    if (response) await checkItem(response, item.signal);
    await sessions?.delete(name);
    if (response) {
      report(size);
      return response;
    }
    uploadUrl = undefined;
  }
  throw new GraphClientError('INCOMPLETE', 'Graph ended the upload before it was complete');
}

/** Whether a session that is kept would be refused again by every later call. In a full drive there may be space by then. */
function isFinal(error: unknown): boolean {
  return error instanceof GraphError && !error.retryable && error.status !== 507 && error.code !== 'notGraph';
}

/** https://learn.microsoft.com/graph/api/driveitem-createuploadsession */
async function createSession(
  sender: RequestSender,
  item: GraphRequest,
): Promise<Pick<UnfinishedUpload, 'uploadUrl' | 'expiresAt'>> {
  const headers = new Headers(item.headers);
  headers.set('content-type', 'application/json');
  const body = '{"item":{"@microsoft.graph.conflictBehavior":"replace"}}';
  const action = actionUrl(item.url, 'createUploadSession');
  const response = await sender.sendSuccessfully({ ...item, method: 'POST', url: action, headers, body });
  const { uploadUrl, expirationDateTime } = ((await readJson(response, item.signal)) ?? {}) as Record<string, unknown>;
  const url = typeof uploadUrl === 'string' ? URL.parse(uploadUrl) : null;
  if (!url) throw new GraphClientError('INCOMPLETE', 'Graph gave no address to upload to');
  if (!isUploadAddress(url)) {
    const reason = 'it is not https, or has a password in it';
    throw new GraphClientError('RESPONSE', `not uploading to ${url.protocol}//${url.host}: ${reason}`);
  }
  return { uploadUrl: url.href, expiresAt: Date.parse(String(expirationDateTime)) };
}

/** `…/root:/notes.txt` becomes `…/root:/notes.txt:/content`, and `…/items/ID` becomes `…/items/ID/content`. */
function actionUrl(item: URL, action: 'content' | 'createUploadSession'): URL {
  const url = new URL(item);
  const path = url.pathname.replace(/[:/]+$/, '');
  url.pathname = path.includes(':/') ? `${path}:/${action}` : `${path}/${action}`;
  return url;
}
