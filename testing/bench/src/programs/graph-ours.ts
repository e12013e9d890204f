import { GraphClient } from 'onedrive-graph';
import { type GraphTask, runGraphTask } from './run-graph-task.ts';

const clientFor = ({ origin, token }: GraphTask): GraphClient =>
  new GraphClient({ root: `${origin}/v1.0`, getToken: async () => token });

await runGraphTask({
  async json(task) {
    const graph = clientFor(task);
    let drives = 0;
    for (let call = 0; call < task.calls; call++) {
      const { driveType } = await graph.json<{ driveType: string }>('/me/drive');
      if (driveType === 'personal') drives++;
    }
    return drives;
  },
  async pages(task) {
    let items = 0;
    for await (const { name } of clientFor(task).pages<{ name: string }>('/me/drive/root:/many:/children?$top=10'))
      if (name) items++;
    return items;
  },
  async upload(task) {
    return (await clientFor(task).upload('/me/drive/root:/uploaded.bin', task.file)).size ?? 0;
  },
  async download(task) {
    return (await clientFor(task).download('/me/drive/root:/big.bin:/content', task.file)).bytes;
  },
});
