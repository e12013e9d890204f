/** swap-sockets.ts FOLDER TARGET: as an ordinary user, puts a link to TARGET in the place of each socket that gets its owner there. */
import { mkdirSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { otherUser } from 'testing-authority/temporary-directory';

process.setgroups?.([]);
process.setgid?.(otherUser);
process.setuid?.(otherUser);
const [folder = '', target = ''] = process.argv.slice(2);
mkdirSync(folder, 0o700);
// With a file in it, the folder stays.
writeFileSync(join(folder, 'stays'), '');
console.log('ready');
for (;;) {
  for (const name of readdirSync(folder).filter((each) => each.includes('-new-'))) {
    try {
      unlinkSync(join(folder, name));
      symlinkSync(target, join(folder, name));
    } catch {
      // It has its name already.
    }
  }
}
