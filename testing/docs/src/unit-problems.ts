import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What systemd finds wrong in unit files, by name, which are written to a new folder. '' if nothing; undefined without systemd. */
export function unitProblems(folder: string, units: Readonly<Record<string, string>>): string | undefined {
  mkdirSync(folder);
  const files = Object.entries(units).map(([name, content]) => {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  });
  const { error, status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8' });
  if (error) return undefined;
  return status === 0 ? stdout + stderr : `status ${status}: ${stdout}${stderr}`;
}
