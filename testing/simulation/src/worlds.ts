import type { Patch } from './machine/load-package.ts';
import { loadPostgresStore } from './postgres/schedule.ts';
import { loadSharedToken } from './schedule.ts';
import type { World } from './world.ts';

const worlds = new Map<string, (patches?: readonly Patch[]) => Promise<World>>([
  ['shared-token', loadSharedToken],
  ['token-store-postgres', loadPostgresStore],
]);

/** @throws if the simulation has no models around that package. */
export function loadWorld(name = 'shared-token'): Promise<World> {
  const load = worlds.get(name);
  if (!load) throw new Error(`the package must be one of ${[...worlds.keys()].join(', ')}, not ${name}`);
  return load();
}
