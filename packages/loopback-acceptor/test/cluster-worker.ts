/** A worker of node:cluster that opens an acceptor at the port it is given, tells how that went, and keeps it open. */
import { openAcceptor } from '../src/index.ts';

const opening = openAcceptor({ state: 'right', port: Number(process.env.PORT) });
process.send?.(await opening.then(({ port }) => ({ port })).catch(({ code }) => ({ code })));
