/**
 * Preloaded by `under-wine.ts`. For Windows' Node under wine, a link of Linux is a folder like any other. So Node would load a package of
 * this repository a second time from `node_modules`, and would refuse its TypeScript there. Only wine itself knows what the link leads to.
 */
import { realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context);
    if (!found.url.startsWith('file:') || !found.url.includes('/node_modules/')) return found;
    return { ...found, url: pathToFileURL(realpathSync.native(fileURLToPath(found.url))).href };
  },
});
