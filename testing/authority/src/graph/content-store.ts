import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type Provider from 'oidc-provider';
import { contentPath } from '../paths.ts';
import type { DriveItem } from './drive.ts';
import { answerGraphError } from './graph-error.ts';

type Middleware = Parameters<Provider['use']>[0];
type Context = Parameters<Middleware>[0];

interface UploadSession {
  readonly received: Buffer[];
  readonly finish: (bytes: Buffer) => object;
}

/** The size of every fragment except the last must be a multiple of this, as at Microsoft. */
const fragmentUnitBytes = 320 * 1024;

/**
 * Serves downloads and uploads at addresses that need no token, on another host than Graph. Refuses a request with an access token, as
 * Microsoft does: such a client leaks its token to other hosts.
 */
export class ContentStore {
  readonly #origin: string;
  readonly #downloads = new Map<string, Buffer>();
  readonly #sessions = new Map<string, UploadSession>();

  /** @param origin the same server by another name than Graph: `http://localhost:PORT`, not `http://127.0.0.1:PORT` */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /** An address that downloads the present content of a file. */
  offer(file: DriveItem): string {
    const key = randomUUID();
    this.#downloads.set(key, file.content ?? Buffer.alloc(0));
    return `${this.#origin}${contentPath}/download/${key}`;
  }

  /** Opens an upload. https://learn.microsoft.com/graph/api/driveitem-createuploadsession */
  openSession(finish: (bytes: Buffer) => object): object {
    const key = randomUUID();
    this.#sessions.set(key, { received: [], finish });
    return { uploadUrl: `${this.#origin}${contentPath}/upload/${key}`, ...progress(0) };
  }

  /** Serves the addresses of `offer` and `openSession`. */
  serve(): Middleware {
    return async (ctx, next) => {
      if (ctx.state.endpoint !== 'content') return next();
      const [kind, key = ''] = ctx.path.slice(contentPath.length + 1).split('/');
      const bytes = this.#downloads.get(key);
      const session = this.#sessions.get(key);
      if (ctx.get('authorization')) answerGraphError(ctx, 401, { code: 'unauthenticated' });
      else if (kind === 'download' && bytes) answerBytes(ctx, bytes);
      else if (kind === 'upload' && session) await this.#upload(ctx, key, session);
      else answerGraphError(ctx, 404);
    };
  }

  async #upload(ctx: Context, key: string, session: UploadSession): Promise<void> {
    const length = session.received.reduce((sum, { length }) => sum + length, 0);
    if (ctx.method === 'GET') {
      ctx.body = progress(length);
      return;
    }
    if (ctx.method === 'DELETE') {
      this.#sessions.delete(key);
      ctx.status = 204;
      return;
    }
    const [, first, last, total] = (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(ctx.get('content-range')) ?? []).map(Number);
    const fragment = await buffer(ctx.req);
    if (first === undefined || last === undefined || total === undefined || last - first + 1 !== fragment.length) {
      return answerGraphError(ctx, 400, { message: 'The Content-Range header is missing or does not fit the body.' });
    }
    if (first !== length) return answerGraphError(ctx, 416);
    if (last + 1 < total && fragment.length % fragmentUnitBytes !== 0) {
      return answerGraphError(ctx, 400, { message: `A fragment has to be a multiple of ${fragmentUnitBytes} bytes.` });
    }
    session.received.push(fragment);
    if (last + 1 < total) {
      ctx.status = 202;
      ctx.body = progress(last + 1);
      return;
    }
    this.#sessions.delete(key);
    ctx.status = 201;
    ctx.body = session.finish(Buffer.concat(session.received));
  }
}

function answerBytes(ctx: Context, bytes: Buffer): void {
  ctx.type = 'application/octet-stream';
  ctx.set('accept-ranges', 'bytes');
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(ctx.get('range')) ?? [];
  if (from === undefined) {
    ctx.body = bytes;
    return;
  }
  const last = to ? Math.min(Number(to), bytes.length - 1) : bytes.length - 1;
  if (Number(from) > last) {
    ctx.set('content-range', `bytes */${bytes.length}`);
    ctx.status = 416;
    return;
  }
  ctx.status = 206;
  ctx.set('content-range', `bytes ${from}-${last}/${bytes.length}`);
  ctx.body = bytes.subarray(Number(from), last + 1);
}

function progress(received: number): object {
  return {
    expirationDateTime: new Date(Date.now() + 86_400_000).toISOString(),
    nextExpectedRanges: [`${received}-`],
  };
}
