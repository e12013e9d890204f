/** Calls Graph with a token that it refuses: `node program ROOT`. Prints the status. */
import { GraphClient, GraphError } from 'onedrive-graph';

const [root = ''] = process.argv.slice(2);
const graph = new GraphClient({ root, getToken: async () => 'not-a-token' });
try {
  console.log(await graph.json<{ id: string }>('/me/drive'));
} catch (error) {
  console.log(error instanceof GraphError ? error.status : error);
}
