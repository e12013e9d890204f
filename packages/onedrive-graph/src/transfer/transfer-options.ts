/** How far a transfer is. */
export interface TransferProgress {
  /** Bytes. */
  readonly done: number;
  /** Bytes. Undefined if the server does not say how many there will be. */
  readonly total?: number;
}

/** What a download and an upload can be told. */
export interface TransferOptions {
  /** Ends the transfer, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called at the start, after each piece, and when the transfer goes on after a break. What it throws ends the transfer. */
  onProgress?: ((progress: TransferProgress) => void) | undefined;
  /** Headers for the requests to Graph. Not for the address that an upload's pieces go to. */
  headers?: RequestInit['headers'] | undefined;
}
