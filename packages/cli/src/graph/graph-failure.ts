import { exitStatus } from '../exit-status.ts';
import { Failure } from '../failure.ts';

/** Longer than any error that Graph sends. */
const longestError = 65_536;

/** Reads an error response of Graph into what a person can use. */
export async function graphFailure(response: Response): Promise<Failure> {
  const { code, message, requestId } = readError(await readText(response));
  const id = response.headers.get('request-id') ?? requestId;
  const details = [`HTTP ${response.status}`, code, id && `request-id ${id}`].filter(Boolean).join(', ');
  const what = message ?? (response.statusText || 'it gave no reason');
  return new Failure(
    `Graph refused: ${what.replace(/\.?$/, '.')} (${details})${hintFor(response.status)}`,
    statusFor(response.status),
  );
}

function statusFor(status: number): number {
  if (status === 401) return exitStatus.signInNeeded;
  return status === 429 || status >= 500 ? exitStatus.unavailable : exitStatus.failed;
}

function hintFor(status: number): string {
  if (status === 401) return '\nIt does not accept a fresh token either: sign in again with `onedrive-token login`.';
  if (status === 403)
    return '\nThe token may lack a scope: see `onedrive-token status`, add one by `onedrive-token login --scope`.';
  return '';
}

function readError(text: string): { code?: string; message?: string; requestId?: string } {
  try {
    const { error } = JSON.parse(text);
    const inner = error.innerError ?? error.innererror;
    return {
      ...(typeof error.code === 'string' && { code: error.code }),
      ...(typeof error.message === 'string' && error.message !== '' && { message: error.message }),
      ...(typeof inner?.['request-id'] === 'string' && { requestId: inner['request-id'] }),
    };
  } catch {
    return {};
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > longestError) break;
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(chunks).toString();
}
