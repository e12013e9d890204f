/**
 * The test runner preloads this. Most test files load the same modules, so they start faster with a cache of their compiled code. It is
 * JavaScript because Node's translator of TypeScript takes longer to load than the rest of a small test.
 *
 * Processes that a test starts as a user would must not have the cache, because their start is measured. A program of the tests gets the
 * cache by NODE_COMPILE_CACHE=$TEST_COMPILE_CACHE, or by this preload.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

const cache = join(import.meta.dirname, '../node_modules/.cache/compiled-tests');
enableCompileCache(cache);
delete process.env.NODE_COMPILE_CACHE;
process.env.TEST_COMPILE_CACHE = cache;
