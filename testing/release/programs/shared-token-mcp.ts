/** Makes the fetch of an MCP client, with functions in the place of an SDK: `node program`. Prints what is stored. */
import { createMcpFetch, type McpSdk } from 'shared-token-mcp';

const missing = async (): Promise<never> => {
  throw new Error('no request is made here');
};
const sdk: McpSdk = {
  auth: missing,
  exchangeAuthorization: missing,
  refreshAuthorization: missing,
  discoverAuthorizationServerMetadata: missing,
  discoverOAuthProtectedResourceMetadata: missing,
  extractWWWAuthenticateParams: () => ({}),
};
const { shared } = createMcpFetch({
  sdk,
  serverUrl: 'https://mcp.example/mcp',
  store: {
    get: () => ({ refreshToken: 'stored' }),
    set: missing,
    replace: missing,
    delete: missing,
    list: () => [],
    exclusively: missing,
  },
  openBrowser: (url) => console.log(url),
});
console.log((await shared.read())?.refreshToken);
await shared.close();
