import { createServer } from 'node:http';
import { signInAs } from 'testing-authority';

/** Goes through the pages in `query` mode and gives the address at which the browser ended, without visiting it. */
export async function copyAddress(url: string): Promise<string> {
  const port = Number(new URL(new URL(url).searchParams.get('redirect_uri') ?? '').port);
  const server = createServer((_request, response) => response.end('nobody is here'));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const page = await signInAs(url);
  server.closeAllConnections();
  server.close();
  return page.url;
}
