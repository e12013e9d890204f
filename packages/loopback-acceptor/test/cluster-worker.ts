/** A worker of node:cluster that opens an acceptor at `PORT`, sends its port or the error's code, and keeps it open. */
import { openAcceptor } from '../src/index.ts';

const opening = openAcceptor({ state: 'right', port: Number(process.env.PORT) });
process.send?.(await opening.then(({ port }) => ({ port })).catch(({ code }) => ({ code })));
