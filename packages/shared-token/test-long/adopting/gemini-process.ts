/** Prints the token that the \@google/gemini-cli-core in FOLDER has for the MCP server `race`: `node gemini-process.ts FOLDER` */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder = ''] = process.argv.slice(2);
const path = join(folder, 'node_modules/@google/gemini-cli-core/dist/index.js');
const { MCPOAuthProvider } = await import(pathToFileURL(path).href);
const token = await new MCPOAuthProvider().getValidTokenWithMetadata('race', {});
console.log(JSON.stringify(token));
// Its other parts keep the process alive.
process.exit();
