import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const manifests = globSync('packages/*/package.json', { cwd: root }).map((file) => ({
  folder: join(root, dirname(file)),
  ...JSON.parse(readFileSync(join(root, file), 'utf8')),
}));

/** Names a module by its import, `pkce-state`, not by the path of its source. */
function nameModules({ converter }) {
  converter.on('resolveBegin', ({ project }) => {
    for (const module of project.children ?? []) module.name = module.name.replace('/src', '');
  });
}

export default {
  name: 'onedrive-token',
  plugin: [nameModules],
  // All that a package exports.
  entryPoints: manifests.flatMap(({ folder, exports }) =>
    Object.values(exports)
      .filter(({ types }) => types)
      .map(({ types }) => join(folder, types.replace('dist', 'src').replace('.d.ts', '.ts'))),
  ),
  tsconfig: 'tsconfig.api.json',
  skipErrorChecking: true,
  basePath: '../..',
  displayBasePath: '../../packages',
  disableGit: true,
  sourceLinkTemplate: 'https://github.com/onedrive-token/onedrive-token/blob/main/{path}#L{line}',
  readme: 'none',
  out: '../../docs/api',
  excludePrivate: true,
  packagesRequiringDocumentation: manifests.map(({ name }) => name),
  requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Function', 'Variable', 'CallSignature', 'Accessor'],
  validation: { notExported: true, invalidLink: true, invalidPath: true, notDocumented: true },
  treatWarningsAsErrors: true,
};
