import { syncBuiltinESMExports } from 'node:module';

/** Puts another function in the place of one of a built-in module. Returns what ends that. */
export function replaceBuiltin<T, K extends keyof T>(module: T, name: K, make: (original: T[K]) => T[K]): () => void {
  const original = module[name];
  const set = (value: T[K]): void => {
    module[name] = value;
    syncBuiltinESMExports();
  };
  set(make(original));
  return () => set(original);
}
