import { isPrivate } from '../graph-address.ts';

/** An upload that is not complete. Plain data, so that a store can keep it as JSON. */
export interface UnfinishedUpload {
  /** Where the pieces go. It needs no token, so it is a secret: with it anyone can write that one file. */
  readonly uploadUrl: string;
  /** When Graph forgets the upload. Epoch milliseconds. */
  readonly expiresAt: number;
  /** Of the local file when the upload began, in bytes. A file that differs is uploaded from its beginning. */
  readonly size: number;
  /** Of the local file when the upload began. Epoch milliseconds. */
  readonly modifiedAt: number;
}

/**
 * Where the addresses of unfinished uploads are kept, by a name made of the item's URL and the local file's path. Within one
 * process a `Map` is enough. To go on in a later process, keep them in a file that only its owner can read.
 * Use one store for each account: the name does not say whose drive `/me/drive` is. What a method throws ends the upload.
 */
export interface UploadSessions {
  /** The upload of that name, if one is kept. */
  get(name: string): UnfinishedUpload | undefined | Promise<UnfinishedUpload | undefined>;
  /** Called when an upload has begun. Its result is awaited. */
  set(name: string, upload: UnfinishedUpload): unknown;
  /** Called when the upload is complete, or Graph has ended or refused it. Its result is awaited. */
  delete(name: string): unknown;
}

/** Whether an upload that was kept is of this very content, and still open. A store may return anything. */
export function isContinuable(
  kept: Partial<UnfinishedUpload> | undefined,
  { size, modifiedAt }: Pick<UnfinishedUpload, 'size' | 'modifiedAt'>,
): kept is UnfinishedUpload {
  const url = typeof kept?.uploadUrl === 'string' ? URL.parse(kept.uploadUrl) : null;
  const isSame = kept?.size === size && kept.modifiedAt === modifiedAt;
  return url !== null && isUploadAddress(url) && isSame && Number(kept.expiresAt) > Date.now();
}

/** Whether the content may go there: the network cannot read it, and `fetch` takes the address, which it does not with a password. */
export function isUploadAddress(url: URL): boolean {
  return isPrivate(url) && !url.username && !url.password;
}
