import { type DriveItem, GraphClient, itemPath } from 'onedrive-graph';
import { dataFilepath, OneDriveTokenHandler } from 'onedrive-token-handler';

const handler = new OneDriveTokenHandler({
  appName: 'my-backup',
  clientId: '11111111-2222-3333-4444-555555555555', // of your own app registration
  scopes: ['Files.ReadWrite.All'],
  dbFilepath: dataFilepath('my-backup'),
});
const graph = new GraphClient({ getToken: (options) => handler.getToken(options) });

const item = await graph.upload(itemPath('Backup', 'photos.zip'), 'photos.zip', {
  onProgress: ({ done, total }) => console.log(`${done} of ${total} bytes`),
});
for await (const { name } of graph.pages<DriveItem>(`${itemPath('Backup')}:/children`)) {
  console.log(name); // 'photos.zip', …
}
await graph.download(`/me/drive/items/${item.id}/content`, 'copy.zip');
const { quota } = await graph.json<{ quota: { remaining: number } }>('/me/drive');
console.log(quota.remaining); // 5368703911, in bytes
await handler.close();
