/** `pnpm start [CLIENT_ID]`: builds the packages, then runs the demonstration of the command. */
import { tool, turbo } from './tool.ts';

const status = turbo(['build', '--output-logs=errors-only'], { quiet: true });
process.exitCode = status || tool('node', ['testing/demo/src/main.ts', ...process.argv.slice(2)]);
