import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { compileFunction } from 'node:vm';
import { rolldown } from 'rolldown';
import { simulatedGlobals, simulatedModules } from './globals.ts';

/** Other lines in the place of some lines of a source. */
export interface Patch {
  /** In `src/` of the package. */
  readonly file: string;
  /** Stands there once. */
  readonly from: string;
  readonly to: string;
}

/** Makes a copy of the package's modules that shares no state with other copies. */
export type NewInstance<Module> = () => Module;

const kit = 'token-store-kit';
const packages = join(import.meta.dirname, '../../../../packages');
const core = process.env.SIMULATION_CORE ?? 'shared-token';
const parameters = ['require', 'exports', 'module', ...Object.keys(simulatedGlobals)];

/**
 * The code of a package of this repository, from its sources, with the simulation's clock, timers and signals instead of Node's.
 * token-store-kit is copied into it, and gets the same clock.
 */
export async function loadPackage<Module>(
  name: string,
  { patches = [] }: { patches?: readonly Patch[] | undefined } = {},
): Promise<NewInstance<Module>> {
  const sources = join(packages, name === 'shared-token' ? core : name, 'src');
  const unused = new Set(patches);
  const build = await rolldown({
    input: join(sources, 'index.ts'),
    platform: 'node',
    logLevel: 'silent',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && id !== kit,
    plugins: [
      {
        name: 'patches',
        resolveId: (id) => (id === kit ? join(packages, kit, 'src/index.ts') : null),
        load(path) {
          if (!path.startsWith(packages)) return null;
          let code = readFileSync(path, 'utf8');
          for (const patch of patches) {
            if (relative(sources, path) !== patch.file) continue;
            code = applyPatch(code, patch);
            unused.delete(patch);
          }
          return { code, moduleType: 'ts' };
        },
      },
    ],
  });
  const { output } = await build.generate({ format: 'cjs', codeSplitting: false });
  await build.close();
  const [lost] = unused;
  if (lost) throw new Error(`${join(name, 'src', lost.file)} does not exist any more. ${whatToDo}`);
  const run = compileFunction(output[0].code, parameters, { filename: join(dirname(sources), 'simulated.cjs') });
  const requireReal = createRequire(join(packages, name, 'package.json'));
  const requireThere = (name: string): unknown => simulatedModules.get(name) ?? requireReal(name);
  return () => {
    const module = { exports: {} };
    run(requireThere, module.exports, module, ...Object.values(simulatedGlobals));
    return module.exports as Module;
  };
}

const whatToDo = 'If the protocol has changed, change the defect in testing/simulation/src/defects in the same commit.';

/** @throws if the lines are not there, or more than once: after a change of them, look at the patch again. */
export function applyPatch(code: string, { file, from, to }: Patch): string {
  const parts = code.split(from);
  if (parts.length === 2) return parts.join(to);
  const found = parts.length === 1 ? 'does not have these lines any more' : `has these lines ${parts.length - 1} times`;
  throw new Error(`${file} ${found}:\n${from}\n${whatToDo}`);
}
