import { createWriteStream, fstatSync } from 'node:fs';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { readVersion } from '../../settings/command.ts';
import { fileFailure, UsageError } from '../../terminal/failure.ts';

export interface RequestOptions {
  method?: string | undefined;
  data?: string | undefined;
  header?: readonly string[] | undefined;
}

/** The request that the options of `api` describe. Throws UsageError, or Failure if a file cannot be read. */
export async function readRequest({ method: given, data, header = [] }: RequestOptions) {
  const method = given?.toUpperCase() ?? (data === undefined ? 'GET' : 'POST');
  if (!/^[A-Z]+$/.test(method))
    throw new UsageError(`--method: expected GET, POST, PATCH, PUT, DELETE or the like, got '${given}'`);
  if (data !== undefined && (method === 'GET' || method === 'HEAD'))
    throw new UsageError(`--data: a ${method} request has no body`, { remedy: 'Use another --method' });
  const headers = readHeaders(header);
  if (data === undefined) return { method, headers };
  const body = await readBody(data);
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  return { method, headers, body };
}

/** Headers that belong to one connection, or to how the body is sent. */
const ofConnection =
  /^(connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/** A header line of the characters that RFC 9110 allows in a name and a value. */
const header = /^([\w!#$%&'*+.^`|~-]+):\s*([\t\x20-\x7e\x80-\xff]*)$/;

function readHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    if (/^\s*authorization\s*:/i.test(line))
      throw new UsageError('--header: Authorization is set for you; other users can read a command line');
    const [, name = '', value = ''] = header.exec(line) ?? [];
    if (name === '') throw new UsageError(`--header: expected 'Name: value' in Latin characters, got '${line}'`);
    if (ofConnection.test(name)) throw new UsageError(`--header: ${name} is set for you`);
    headers.append(name, value);
  }
  if (!headers.has('accept')) headers.set('accept', '*/*');
  if (!headers.has('user-agent')) headers.set('user-agent', `onedrive-token/${readVersion()}`);
  return headers;
}

async function readBody(data: string): Promise<Uint8Array<ArrayBuffer>> {
  if (data !== '-' && !data.startsWith('@')) return new TextEncoder().encode(data);
  const file = data.replace('@', '');
  const content = file === '-' ? buffer(openStdin()) : readFile(file);
  return new Uint8Array(
    await content.catch((error) => {
      throw fileFailure('read', file === '-' ? 'stdin' : file, error);
    }),
  );
}

/** Throws UsageError if stdin is a folder, which Node would read as empty. */
function openStdin(): NodeJS.ReadStream {
  if (fstatSync(0).isDirectory()) throw new UsageError('stdin is a folder');
  return process.stdin;
}

/** The path of a site has colons too: /sites/HOST:/PATH:/drive/root:/NAME. */
const toSite = '(?:[^:?]*/sites/[^:?/]*:/[^:?]*:)?';
const anyNames = new RegExp(`(?<=^${toSite}[^:?]*:/)[^:?]+`, 'g');
/** Up to the names, if there are any. */
const beforeNames = new RegExp(`^${toSite}(?:[^:?]*:/)?`);

/**
 * Encodes the names in a path for Graph: the text after `root:/`, up to the next `:` or `?`. Each character of a name stands for itself,
 * so `%20` is not a space. An absolute URL is encoded already. Throws UsageError for the names `.` and `..`.
 */
export function encodeNames(path: string): string {
  if (/^https?:\/\//i.test(path)) return path;
  const encode = (name: string): string => {
    if (name === '.' || name === '..') throw new UsageError(`${path}: no item in OneDrive can be named ${name}`);
    return encodeURIComponent(name);
  };
  return path.replace(anyNames, (names) => names.split('/').map(encode).join('/'));
}

/**
 * The path of the item that `--upload` writes. The path for a download, `root:/notes.txt:/content`, means the same item. Throws
 * UsageError for a folder, and for a `:` or `?` in a name.
 */
export function readUploadPath(path: string): string {
  const item = path.replace(/(:\/.+):\/content$/, '$1');
  if (item.endsWith('/')) {
    const remedy = 'Name the file in it, for example /me/drive/root:/notes.txt';
    throw new UsageError(`--upload: ${path} is a folder`, { remedy });
  }
  const names = item.replace(/^https?:\/\/[^/]*/i, '').replace(beforeNames, '');
  const [sign] = /[:?]/.exec(names) ?? [];
  if (sign) {
    const remedy = 'No name in OneDrive has one: choose another name';
    throw new UsageError(`--upload: ${path} has a ${sign}`, { remedy });
  }
  return item;
}

/** With the host name: containers may share the temporary folder, and their process ids are not unique. */
const spoolPrefix = `onedrive-token-${hostname()}-`;

/**
 * Copies stdin to a file, because Graph has to know the size of an upload before its first piece. Only this user can enter the folder of
 * the file. The file is deleted at the end, or after a kill by the next process that copies stdin. Throws a Failure if the disk is
 * full or the temporary folder cannot be used, or the signal's reason.
 */
export async function spoolStdin(signal: AbortSignal): Promise<{ readonly file: string } & AsyncDisposable> {
  const stdin = openStdin();
  await removeLeftovers();
  const folder = await mkdtemp(join(tmpdir(), `${spoolPrefix}${process.pid}-`)).catch((error) => {
    throw fileFailure('use', tmpdir(), error);
  });
  const file = join(folder, 'stdin');
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await pipeline(stdin, createWriteStream(file), { signal });
  } catch (error) {
    await remove();
    signal.throwIfAborted();
    const isOfStdin = (error as NodeJS.ErrnoException).syscall === 'read';
    throw isOfStdin ? fileFailure('read', 'stdin', error) : fileFailure('write', file, error);
  }
  return { file, [Symbol.asyncDispose]: remove };
}

async function removeLeftovers(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names.filter((found) => found.startsWith(spoolPrefix))) {
    const pid = Number(/^\d+(?=-\w{6}$)/.exec(name.slice(spoolPrefix.length))?.[0]);
    // This process has made no folder yet. A folder with its id is from a killed process: a restarted container reuses ids.
    if (!(pid > 0) || (pid !== process.pid && isRunning(pid))) continue;
    const folder = join(tmpdir(), name);
    // While another user's folder is emptied, that user could put a link into it. Then files of this user would be deleted.
    const isOwn = await lstat(folder).then(
      ({ uid }) => [uid, undefined].includes(process.getuid?.()),
      () => false,
    );
    if (isOwn) await rm(folder, { recursive: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
