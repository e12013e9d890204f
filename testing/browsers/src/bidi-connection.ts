import { stepTimeoutMs } from './browser-window.ts';

interface Reply {
  id?: number;
  type: 'success' | 'error' | 'event';
  result?: unknown;
  error?: string;
  message?: string;
}

/** A session of WebDriver BiDi (https://w3c.github.io/webdriver-bidi/) over Node's own WebSocket. */
export class BidiConnection {
  readonly #socket: WebSocket;
  readonly #replies = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const reply: Reply = JSON.parse(String(data));
      if (reply.id !== undefined) this.#replies.get(reply.id)?.(reply);
    });
    socket.addEventListener('close', () => {
      for (const settle of this.#replies.values())
        settle({ type: 'error', error: 'the browser closed the connection' });
    });
  }

  static async open(url: string): Promise<BidiConnection> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no WebSocket at ${url}`)));
    });
    return new BidiConnection(socket);
  }

  /** Sends a command and resolves with its result. Rejects if it fails, or has no result in time. */
  async send<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#lastId;
    const reply = await new Promise<Reply>((resolve) => {
      const timer = setTimeout(() => resolve({ type: 'error', error: 'timeout' }), stepTimeoutMs);
      this.#replies.set(id, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    this.#replies.delete(id);
    if (reply.type !== 'success') throw new Error(`${method}: ${reply.error} ${reply.message ?? ''}`);
    return reply.result as T;
  }

  close(): void {
    this.#socket.close();
  }
}
