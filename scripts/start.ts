/** `pnpm start [CLIENT_ID]`: builds, then shows the command at work. */
import { tool, turbo } from './tool.ts';

const status = turbo(['build', '--output-logs=errors-only'], { quiet: true });
process.exitCode = status || tool('node', ['testing/e2e/src/main.ts', ...process.argv.slice(2)]);
