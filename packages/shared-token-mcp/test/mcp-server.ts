import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { listen, stop } from 'testing-authority/listen';
import type { AuthorizationServer } from './authorization-server.ts';

/** The tools, and the scope that each wants. */
const tools: Readonly<Record<string, string | undefined>> = { greet: undefined, write: 'write', delete: 'delete' };

/** A remote MCP server of the SDK's own parts, with sessions, which wants the tokens of an authorization server. */
export class TestMcpServer implements AsyncDisposable {
  url = '';
  /** May be replaced: the server moves. */
  authorizationServer: AuthorizationServer;
  /** What every request has to have. */
  scope: string | undefined = 'read';
  /** What a tool needs. With '', the 403 has another reason. */
  needs: (tool: string) => string | undefined = (tool) => tools[tool];
  /** Where it says who its authorization server is. */
  metadataPath = '/.well-known/oauth-protected-resource/mcp';
  /** Answers 503 instead. */
  hidesMetadata = false;
  /** Does not answer that question. */
  isSilent = false;
  /** How it writes the address of the authorization server. */
  writeIssuer = (issuer: string): string => issuer;
  readonly received: { method: string; authorization: string | undefined }[] = [];
  readonly #sessions = new Map<string, StreamableHTTPServerTransport>();
  #close: () => Promise<void> = async () => {};

  constructor(authorizationServer: AuthorizationServer) {
    this.authorizationServer = authorizationServer;
  }

  static async start(authorizationServer: AuthorizationServer): Promise<TestMcpServer> {
    const server = new TestMcpServer(authorizationServer);
    const app = createMcpExpressApp();
    const listening = createServer(app);
    server.url = `http://127.0.0.1:${await listen(listening)}/mcp`;
    app.get('/*path', (request, response, next) => {
      if (request.path !== server.metadataPath) return next();
      if (server.isSilent) return;
      if (server.hidesMetadata) response.status(503);
      const issuer = server.writeIssuer(server.authorizationServer.issuer);
      response.json({ resource: server.url, authorization_servers: [issuer] });
    });
    app.get('/elsewhere', (request, response) => response.redirect(307, String(request.query.to)));
    app.all('/mcp', (request, response) => server.#serve(request, response, request.body));
    server.#close = async () => {
      for (const transport of server.#sessions.values()) await transport.close();
      await stop(listening);
    };
    return server;
  }

  /** The authorization headers of all requests, each once. */
  get tokens(): (string | undefined)[] {
    return [...new Set(this.received.map(({ authorization }) => authorization))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse, body: McpMessage | undefined): Promise<void> {
    const { authorization } = request.headers;
    this.received.push({ method: request.method ?? '', authorization });
    const granted = this.authorizationServer.scopesOf(authorization?.replace('Bearer ', '') ?? '');
    const metadata = `resource_metadata="${new URL(this.metadataPath, this.url)}"`;
    const refuse = (status: number, challenge: string): void => {
      response.writeHead(status, { 'www-authenticate': `Bearer ${challenge}, ${metadata}` }).end();
    };
    if (!granted) return refuse(401, this.scope ? `scope="${this.scope}"` : 'error="invalid_token"');
    const needed = this.needs(body?.params?.name ?? '');
    if (needed === '') return refuse(403, 'error="access_denied", scope="write"');
    if (needed && !granted.includes(needed)) return refuse(403, `error="insufficient_scope", scope="${needed}"`);
    const transport = this.#sessions.get(String(request.headers['mcp-session-id'])) ?? (await this.#open());
    await transport.handleRequest(request, response, body);
  }

  async #open(): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void this.#sessions.set(id, transport),
      onsessionclosed: (id) => void this.#sessions.delete(id),
    });
    const mcp = new McpServer({ name: 'testing', version: '1.0.0' });
    for (const name of Object.keys(tools)) {
      mcp.registerTool(name, { description: name }, () => ({ content: [{ type: 'text', text: name }] }));
    }
    await mcp.connect(transport as Parameters<McpServer['connect']>[0]);
    return transport;
  }
}

interface McpMessage {
  readonly params?: { readonly name?: string };
}
