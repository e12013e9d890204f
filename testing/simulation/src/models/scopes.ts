/** What every program needs, and every person grants. */
export const leastScope = 'files photos';

/** Whether all needed scopes are among the granted ones. */
export function covers(granted: string | undefined, needed: string): boolean {
  const scopes = (granted ?? '').split(' ');
  return needed.split(' ').every((scope) => scopes.includes(scope));
}

/** All scopes of both, each once. */
export function unite(some: string, others: string): string {
  return [...new Set([...some.split(' '), ...others.split(' ')])].filter((scope) => scope !== '').join(' ');
}
