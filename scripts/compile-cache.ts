/**
 * Preloaded by suite.ts. Most test files load the same modules, so they start faster with a cache of their compiled code. The processes
 * that a test starts must not use it: their start is measured, and they run like those of a user.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compiled-tests'));
process.env.NODE_DISABLE_COMPILE_CACHE = '1';
