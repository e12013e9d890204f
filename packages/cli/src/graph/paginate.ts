import { exitStatus } from '../exit-status.ts';
import { Failure } from '../failure.ts';
import { writeOut } from '../streams.ts';
import { resolveGraphPath } from './graph-address.ts';
import type { GraphClient, GraphRequest } from './graph-client.ts';
import { readText } from './read-body.ts';

/** Prints the items of all pages of a collection as one JSON array, each page as it comes. */
export async function paginate(client: GraphClient, request: GraphRequest): Promise<void> {
  const seen = new Set<string>();
  let count = 0;
  for (let url: URL | undefined = request.url; url; ) {
    if (seen.has(url.href)) throw new Failure('Graph gave the same @odata.nextLink twice');
    seen.add(url.href);
    const page: Page = await readPage(await client.sendSuccessfully({ ...request, url }));
    const lines = page.value.map((item) => `${count++ === 0 ? '[' : ',\n'}${JSON.stringify(item)}`);
    writeOut(lines.join(''));
    url = page.nextLink === undefined ? undefined : resolveNextLink(client.root, page.nextLink);
  }
  writeOut(count === 0 ? '[]\n' : ']\n');
}

interface Page {
  value: unknown[];
  nextLink: string | undefined;
}

async function readPage(response: Response): Promise<Page> {
  const text = await readText(response);
  let body: { value?: unknown; '@odata.nextLink'?: unknown } | null;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Failure('--paginate: Graph answered with something else than JSON');
  }
  if (!Array.isArray(body?.value)) throw new Failure('--paginate: this is no collection, it has no "value"');
  const { value, '@odata.nextLink': nextLink } = body;
  return { value, nextLink: typeof nextLink === 'string' ? nextLink : undefined };
}

/** Throws Failure for one that leads away from Graph: the command line was right, so it is no UsageError. */
function resolveNextLink(root: URL, nextLink: string): URL {
  try {
    return resolveGraphPath(root, nextLink);
  } catch (error) {
    throw new Failure(`@odata.nextLink: ${(error as Error).message}`, exitStatus.failed, { cause: error });
  }
}
