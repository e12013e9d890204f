import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';

/** What the numbers were measured on. Says nothing of who owns it. */
export function describeMachine(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB of memory`;
  const model = cpus()[0]?.model.trim() || 'an unknown processor';
  return `${model}, ${availableParallelism()} cores, ${memory}, ${systemName()}, Node ${process.versions.node}`;
}

/** The commit that was measured, and whether the work tree had changes beside it. */
export function describeCommit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  try {
    const changed = git('status', '--porcelain', '--', ':/packages', ':/testing') !== '';
    return git('rev-parse', '--short', 'HEAD') + (changed ? ' with changes' : '');
  } catch {
    return 'unknown';
  }
}

function systemName(): string {
  try {
    const [, name = ''] = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];
    return name || `${platform()} ${release()}`;
  } catch {
    return `${platform()} ${release()}`;
  }
}
