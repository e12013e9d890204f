import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type Provider from 'oidc-provider';
import { type Account, accountById } from '../accounts.ts';
import { graphPath } from '../paths.ts';
import type { MemoryStore } from '../provider/memory-store.ts';
import type { ContentStore } from './content-store.ts';
import { Drive, type DriveItem, toDriveItemJson, toDriveJson } from './drive.ts';
import { answerGraphError } from './graph-error.ts';

type Middleware = Parameters<Provider['use']>[0];
type Context = Parameters<Middleware>[0];

/** The page size of a request without `$top`, as at Microsoft. */
const defaultPageSize = 200;

/** A small Microsoft Graph. It accepts access tokens that this provider has issued and that have not expired. */
export function serveGraph(store: MemoryStore, content: ContentStore): Middleware {
  const drives = new Map<string, Drive>();
  return async (ctx, next) => {
    if (ctx.state.endpoint !== 'graph') return next();
    const account = authenticate(store, ctx);
    if (!account) return;
    ctx.set('request-id', randomUUID());
    const drive = drives.get(account.id) ?? new Drive(cidOf(account));
    drives.set(account.id, drive);
    const path = decodePath(ctx.path.slice(graphPath.length));
    if (path === '/me') answerMe(ctx, account);
    else if (path === '/me/drive') answerJson(ctx, 'drives/$entity', toDriveJson(drive, ownerOf(account)));
    else await answerItem(ctx, { drive, content, path });
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // An invalid path. The answer will be 400.
    return path;
  }
}

function authenticate(store: MemoryStore, ctx: Context): Account | undefined {
  const [, token] = /^Bearer +(\S+)$/i.exec(ctx.get('authorization')) ?? [];
  const account = token && accountById(store.accessToken(token)?.accountId ?? '');
  if (account) return account;
  ctx.set(
    'www-authenticate',
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"',
  );
  answerGraphError(ctx, 401, token ? {} : { message: 'Access token is empty.' });
  return undefined;
}

interface ItemRequest {
  readonly drive: Drive;
  readonly content: ContentStore;
  /** The path below `/v1.0`, decoded. */
  readonly path: string;
}

/** `/me/drive/root`, `/me/drive/items/{id}`, either with `:/path:`, then nothing, `/children`, `/content` or `/createUploadSession`. */
const itemPath = /^\/me\/drive\/(?:root|items\/(?<id>[^/:]+))(?::\/(?<below>[^:]*[^:/]):?)?(?:\/(?<action>\w+))?$/;

async function answerItem(ctx: Context, { drive, content, path }: ItemRequest): Promise<void> {
  const { id = 'root', below = '', action = '' } = itemPath.exec(path)?.groups ?? { action: 'nothing' };
  const start = drive.byId(id);
  const item = start && drive.byPath(below, start);
  const json = (found: DriveItem): object => toDriveItemJson(drive, found, (file) => content.offer(file));
  const writes = action === 'createUploadSession' || ctx.method === 'PUT';
  // OneDrive allows no such name.
  if (writes && /["*<>?\\|]/.test(below)) return answerGraphError(ctx, 400);
  switch (`${ctx.method} ${action}`) {
    case 'GET ':
      if (item) return answerJson(ctx, 'drive/items/$entity', json(item));
      break;
    case 'DELETE ':
      if (!item) break;
      drive.delete(item);
      ctx.status = 204;
      return;
    case 'GET children':
      if (item) return answerPage(ctx, drive.childrenOf(item), json);
      break;
    case 'GET content':
      if (!item?.content) break;
      ctx.redirect(content.offer(item));
      return;
    case 'PUT content':
      if (!start || !below) break;
      answerJson(ctx, 'drive/items/$entity', json(drive.write(start, below, await buffer(ctx.req))));
      ctx.status = item ? 200 : 201;
      return;
    case 'POST createUploadSession':
      if (!start || !below) break;
      ctx.body = content.openSession((bytes) => json(drive.write(start, below, bytes)));
      return;
    default:
      return answerGraphError(ctx, 400, {
        code: 'BadRequest',
        message: `Resource not found for ${ctx.method} ${path}`,
      });
  }
  answerGraphError(ctx, 404);
}

function answerPage(ctx: Context, items: DriveItem[], json: (item: DriveItem) => object): void {
  const top = Number(ctx.query.$top ?? defaultPageSize);
  const skip = Number(ctx.query.$skiptoken ?? 0);
  if (!Number.isInteger(top) || top < 1 || !Number.isInteger(skip)) {
    answerGraphError(ctx, 400, { message: `Invalid value '${ctx.query.$top}' for $top.` });
    return;
  }
  const nextLink = `${originOf(ctx)}${ctx.path}?$top=${top}&$skiptoken=${skip + top}`;
  answerJson(ctx, 'drive/root/children', {
    '@odata.count': items.length,
    ...(skip + top < items.length && { '@odata.nextLink': nextLink }),
    value: items.slice(skip, skip + top).map(json),
  });
}

function answerMe(ctx: Context, account: Account): void {
  answerJson(ctx, 'users/$entity', {
    id: cidOf(account),
    displayName: account.name,
    userPrincipalName: account.username,
    mail: account.username,
  });
}

function answerJson(ctx: Context, context: string, json: object): void {
  ctx.body = { '@odata.context': `${originOf(ctx)}${graphPath}/$metadata#${context}`, ...json };
}

/** The server's origin, with the name that the client used. (`origin` of Koa 3 is the request's Origin header.) */
function originOf(ctx: Context): string {
  return `${ctx.protocol}://${ctx.host}`;
}

/** The sixteen digits that identify a personal account at Graph: its object id without the leading zeros. */
function cidOf(account: Account): string {
  return account.oid.replaceAll('-', '').slice(16);
}

function ownerOf(account: Account): { name: string; id: string } {
  return { name: account.name, id: cidOf(account) };
}
