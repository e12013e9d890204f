const windows = process.platform === 'win32';

/** A program for `exec` that ends with 0. */
export const doNothing: readonly string[] = windows ? [process.execPath, '-e', '0'] : ['true'];

/** A program for `exec` that prints its token. */
export const printToken: readonly string[] = windows
  ? [process.execPath, '-p', 'process.env.ONEDRIVE_TOKEN']
  : ['printenv', 'ONEDRIVE_TOKEN'];
