import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';

/** The machine that the numbers come from, without its name or its owner's. */
export function describeMachine(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB of memory`;
  const model = cpus()[0]?.model.trim() || 'an unknown processor';
  return `${model}, ${availableParallelism()} cores, ${memory}, ${systemName()}, Node ${process.versions.node}`;
}

/** The measured commit, and whether the work tree had changes. */
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
