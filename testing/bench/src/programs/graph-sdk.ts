// The SDK's types use types of the browser.
/// <reference lib="dom" />
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  Client,
  OneDriveLargeFileUploadTask,
  PageIterator,
  ResponseType,
  StreamUpload,
} from '@microsoft/microsoft-graph-client';
import { type GraphTask, runGraphTask } from './run-graph-task.ts';

const clientFor = ({ origin, token }: GraphTask): Client =>
  Client.initWithMiddleware({
    authProvider: { getAccessToken: async () => token },
    baseUrl: `${origin}/`,
    customHosts: new Set([new URL(origin).hostname]),
  });

await runGraphTask({
  async json(task) {
    const client = clientFor(task);
    let drives = 0;
    for (let call = 0; call < task.calls; call++) {
      const { driveType } = await client.api('/me/drive').get();
      if (driveType === 'personal') drives++;
    }
    return drives;
  },
  async pages(task) {
    const client = clientFor(task);
    let items = 0;
    const first = await client.api('/me/drive/root:/many:/children').top(10).get();
    await new PageIterator(client, first, ({ name }) => {
      if (name) items++;
      return true;
    }).iterate();
    return items;
  },
  async upload(task) {
    const file = new StreamUpload(createReadStream(task.file), 'uploaded.bin', statSync(task.file).size);
    const upload = await OneDriveLargeFileUploadTask.createTaskWithFileObject(clientFor(task), file, {
      fileName: 'uploaded.bin',
      path: '/',
    });
    const { responseBody } = await upload.upload();
    return (responseBody as { size: number }).size;
  },
  async download(task) {
    const request = clientFor(task).api('/me/drive/root:/big.bin:/content').responseType(ResponseType.STREAM);
    const stream: ReadableStream | Readable = await request.get();
    await pipeline(stream as Readable, createWriteStream(task.file));
    return statSync(task.file).size;
  },
});
