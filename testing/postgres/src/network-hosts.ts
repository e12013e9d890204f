import { spawnSync } from 'node:child_process';
import { findTool } from './tools.ts';

/** One host: a network namespace with one network card. */
export interface NetworkHost {
  /** The host's IP address. */
  readonly address: string;
  /** The start of a command line on this host: `spawn(prefix[0], [...prefix.slice(1), command, …])`. */
  readonly prefix: readonly string[];
  /** Takes the network card down: connections stay open and carry nothing. */
  cutOff(): void;
  reconnect(): void;
}

/** Hosts that reach each other and this machine over a bridge. Needs root, and `ip` of iproute2. */
export class NetworkHosts implements AsyncDisposable {
  /** This machine's address on the bridge, where its servers can listen. */
  readonly address: string;
  readonly hosts: readonly NetworkHost[];
  readonly #bridge: string;
  readonly #names: readonly string[];

  private constructor(bridge: string, address: string, hosts: readonly NetworkHost[], names: readonly string[]) {
    this.#bridge = bridge;
    this.address = address;
    this.hosts = hosts;
    this.#names = names;
    process.once('exit', () => this.#remove());
  }

  /** A line that begins with `skipped:`, or undefined if hosts can be made here. */
  static missing(): string | undefined {
    if (!findTool('ip')) return 'skipped: hosts as network namespaces need ip (Debian: iproute2)';
    const name = `try-${process.pid}`;
    if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return 'skipped: network namespaces need root';
    ip('netns', 'del', name);
    return undefined;
  }

  static create(count: number): NetworkHosts {
    const id = process.pid % 60_000;
    const bridge = `tb${id}`;
    const net = `10.${100 + (id % 100)}.${Math.floor(id / 100) % 250}`;
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('addr', 'add', `${net}.1/24`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    const hosts: NetworkHost[] = [];
    const names: string[] = [];
    for (let index = 0; index < count; index++) {
      const name = `th${id}-${index}`;
      const card = `tv${id}-${index}`;
      ip('netns', 'add', name);
      names.push(name);
      ip('link', 'add', card, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      ip('link', 'set', card, 'master', bridge, 'up');
      ip('-n', name, 'addr', 'add', `${net}.${10 + index}/24`, 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
      ip('-n', name, 'link', 'set', 'lo', 'up');
      hosts.push({
        address: `${net}.${10 + index}`,
        prefix: ['ip', 'netns', 'exec', name],
        cutOff: () => ip('link', 'set', card, 'down'),
        reconnect: () => ip('link', 'set', card, 'up'),
      });
    }
    return new NetworkHosts(bridge, `${net}.1`, hosts, names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#remove();
  }

  #remove(): void {
    for (const name of this.#names) spawnSync('ip', ['netns', 'del', name]);
    spawnSync('ip', ['link', 'del', this.#bridge]);
  }
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}
