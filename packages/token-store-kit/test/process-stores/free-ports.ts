import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Two ports on which no program listens. */
export async function freePorts(): Promise<[number, number]> {
  const servers = [0, 0].map((port) => createServer().listen(port, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports as [number, number];
}
