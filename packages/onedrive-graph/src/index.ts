/** Calls Microsoft Graph for programs that bring their own access token. */
export type { DriveItem } from './drive-item.ts';
export {
  GraphAddressError,
  type GraphAddressReason,
  itemPath,
  parseGraphRoot,
  resolveGraphUrl,
} from './graph-address.ts';
export { GraphClient, type GraphClientOptions } from './graph-client.ts';
export { GraphClientError, type GraphClientErrorCode } from './graph-client-error.ts';
export { readBody } from './request/exchange.ts';
export { GraphError, type GraphErrorDetails, refusePage } from './request/graph-error.ts';
export type { GraphWait } from './request/request-sender.ts';
export type {
  TransferOptions,
  TransferProgress,
  UnfinishedUpload,
  UploadOptions,
  UploadSessions,
} from './transfer/transfer-options.ts';
