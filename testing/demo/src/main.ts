/** `node testing/demo/src/main.ts [CLIENT_ID]`: runs the demonstration. `pnpm start` builds first. */
import { runDemo } from './demo.ts';

const [clientId = process.env.ONEDRIVE_TOKEN_CLIENT_ID] = process.argv.slice(2);
try {
  await runDemo(clientId);
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
