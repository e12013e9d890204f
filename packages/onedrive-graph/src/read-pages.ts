import { resolveGraphUrl } from './graph-address.ts';
import { GraphClientError } from './graph-client-error.ts';
import { readJson } from './request/graph-error.ts';
import type { GraphRequest } from './request/graph-request.ts';
import type { RequestSender } from './request/request-sender.ts';

/** The items of a collection, page after page. A page is requested when all items before it have been read. */
export async function* readPages(sender: RequestSender, first: GraphRequest): AsyncGenerator<unknown, void> {
  const seen = new Set<string>();
  for (let url: URL | undefined = first.url; url; ) {
    if (seen.has(url.href)) throw new GraphClientError('RESPONSE', 'Graph gave the same @odata.nextLink twice');
    seen.add(url.href);
    const page = await readJson(await sender.sendSuccessfully({ ...first, url }), first.signal);
    const { value, '@odata.nextLink': nextLink } = (page ?? {}) as { value?: unknown; '@odata.nextLink'?: unknown };
    if (!Array.isArray(value)) {
      throw new GraphClientError('RESPONSE', 'this is no collection: Graph answered without a "value" array');
    }
    yield* value;
    url = nextLink === undefined || nextLink === null ? undefined : resolveNextLink(sender.options.root, url, nextLink);
  }
}

function resolveNextLink(root: URL, page: URL, nextLink: unknown): URL {
  try {
    return resolveGraphUrl(root, new URL(String(nextLink), page));
  } catch (cause) {
    const { message } = cause as Error;
    throw new GraphClientError('RESPONSE', `@odata.nextLink: ${message}`, { cause });
  }
}
