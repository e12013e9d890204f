/** Private PostgreSQL clusters, poolers, full disks, broken networks and hosts for tests. */
export { type NetworkHost, NetworkHosts } from './network-hosts.ts';
export type { PgBouncer } from './pg-bouncer.ts';
export { PrivateCluster } from './private-cluster.ts';
export { SmallDisk } from './small-disk.ts';
export { TcpProxy } from './tcp-proxy.ts';
export { testOrSkip } from './test-or-skip.ts';
export { missingTools } from './tools.ts';
