import { freePort } from 'testing-authority/free-port';

/** Two ports on which no program listens. */
export async function freePorts(): Promise<[number, number]> {
  const [one, other] = [await freePort(), await freePort()];
  return one === other ? freePorts() : [one, other];
}
