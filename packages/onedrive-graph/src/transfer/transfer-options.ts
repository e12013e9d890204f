/** How far a transfer is. */
export interface TransferProgress {
  /** Bytes. */
  readonly done: number;
  /** Bytes. Undefined if the server does not say how many there will be. */
  readonly total?: number;
}

/** Options of a download and of an upload. */
export interface TransferOptions {
  /** Ends the transfer, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called at the start, after each piece, and when the transfer continues after a break. An error of it ends the transfer. */
  onProgress?: ((progress: TransferProgress) => void) | undefined;
  /** Headers for the requests to Graph. Not for the address that an upload's pieces go to. */
  headers?: RequestInit['headers'] | undefined;
}

/** Options of an upload. */
export interface UploadOptions extends TransferOptions {
  /** Where the addresses of unfinished uploads are kept. Default: nowhere, so that each call starts at the beginning. */
  sessions?: UploadSessions | undefined;
}

/**
 * Where the addresses of unfinished uploads are kept, by a name made of the item's URL and the local file's path. Within one
 * process a `Map` is enough. To continue in a later process, keep them in a file that only its owner can read.
 * Use one store for each account: the name does not say whose drive `/me/drive` is. An error of a method ends the upload.
 */
export interface UploadSessions {
  /** The upload of that name, if one is kept. */
  get(name: string): UnfinishedUpload | undefined | Promise<UnfinishedUpload | undefined>;
  /** Called when an upload has begun. Its result is awaited. */
  set(name: string, upload: UnfinishedUpload): unknown;
  /** Called when the upload is complete, or Graph has refused it or expects no byte that would continue it. Its result is awaited. */
  delete(name: string): unknown;
}

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
