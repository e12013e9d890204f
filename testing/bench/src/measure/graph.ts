import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { type Authority, issueCertificate, signInAs, startAuthority } from 'testing-authority';
import { Agent, fetch } from 'undici';
import { programPath } from '../build-programs.ts';
import type { Effort } from '../effort.ts';
import { digits, megabytes } from '../format.ts';
import { measuredEnvironment } from '../measured-environment.ts';
import type { GraphResult, GraphTask } from '../programs/run-graph-task.ts';
import { scopes } from '../programs/run-program.ts';
import { median } from '../sample.ts';
import type { Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { versionOf } from '../subjects.ts';

const run = promisify(execFile);
const itemsOfPage = 10;
const programs = ['graph-ours', 'graph-sdk'] as const;

/** onedrive-graph and Microsoft's SDK do the same with the Graph of the authority. It serves https, because the SDK sends no token otherwise. */
export async function measureGraph(stage: Stage, effort: Effort): Promise<Section> {
  const { graphRuns, graphCalls, graphPages, graphMegabytes } = effort;
  const tls = issueCertificate();
  await using authority = await startAuthority({ tls });
  const dispatcher = new Agent({ connect: { ca: tls.ca } });
  const certificate = join(stage.folder, 'ca.pem');
  writeFileSync(certificate, tls.ca);
  const token = await signIn(authority, stage.folder, tls.ca);
  const bytes = graphMegabytes * 1_000_000;
  const [source, target] = [join(stage.folder, 'source.bin'), join(stage.folder, 'target.bin')];
  writeFileSync(source, randomBytes(bytes));
  const put = async (path: string, body: Buffer): Promise<void> => {
    const headers = { authorization: `Bearer ${token}` };
    const url = `${authority.graphUrl}/me/drive/root:/${path}:/content`;
    const { ok, status } = await fetch(url, { method: 'PUT', headers, body, dispatcher });
    if (!ok) throw new Error(`${path} cannot be made: ${status}`);
  };
  for (let item = 0; item < graphPages * itemsOfPage; item++) await put(`many/${item}.txt`, Buffer.from('x'));
  await put('big.bin', randomBytes(bytes));
  await dispatcher.close();

  const { origin } = authority;
  const base = { origin, token, calls: graphCalls };
  const tasks: Record<string, GraphTask> = {
    json: { ...base, name: 'json', file: '', expected: graphCalls },
    pages: { ...base, name: 'pages', file: '', expected: graphPages * itemsOfPage },
    upload: { ...base, name: 'upload', file: source, expected: bytes },
    download: { ...base, name: 'download', file: target, expected: bytes },
  };
  const results = new Map<string, GraphResult[]>();
  for (let round = 0; round < graphRuns; round++) {
    for (const task of Object.values(tasks)) {
      for (const program of round % 2 === 0 ? programs : programs.toReversed()) {
        rmSync(target, { force: true });
        const env = measuredEnvironment({ NODE_EXTRA_CA_CERTS: certificate });
        const args = [programPath(program), JSON.stringify(task)];
        const { stdout } = await run(process.execPath, args, { env, timeout: 180_000 });
        const key = `${program} ${task.name}`;
        results.set(key, [...(results.get(key) ?? []), JSON.parse(stdout)]);
      }
    }
  }
  const of = (program: string, task: string, what: keyof GraphResult): number =>
    median((results.get(`${program} ${task}`) ?? []).map((result) => result[what]));
  const row = (label: string, task: string, what: keyof GraphResult, text: (value: number) => string): string[] => {
    const [ours, sdk] = [of('graph-ours', task, what), of('graph-sdk', task, what)];
    return [label, text(ours), text(sdk), digits(ours / sdk)];
  };
  const perCall = (value: number): string => digits(value / graphCalls);
  const rate = (milliseconds: number): string => digits(graphMegabytes / (milliseconds / 1000));
  const transfer = (task: 'upload' | 'download'): string[][] => [
    row(`${task} of ${graphMegabytes} MB: MB a second (÷ is of the times)`, task, 'milliseconds', rate),
    row(`${task}: memory, MB`, task, 'memory', megabytes),
    row(`${task}: processor, ms`, task, 'processor', digits),
  ];
  return {
    title: 'Calls of Microsoft Graph',
    how:
      `\`onedrive-graph\` beside \`@microsoft/microsoft-graph-client\` (${versionOf('@microsoft/microsoft-graph-client')}), in turn, each run in a process of its own, with a token ` +
      'that is there already. The Graph is that of the authority, over https on loopback. Uploads are sessions in pieces; the SDK gets a stream, and the size of piece that it ' +
      'chooses itself. Downloads go to a file. Processor time and the highest resident memory are those of the whole process.',
    columns: ['', 'onedrive-graph', "Microsoft's SDK", '÷'],
    rows: [
      row('JSON call, ms', 'json', 'milliseconds', perCall),
      row(`list of ${graphPages} pages, ms`, 'pages', 'milliseconds', digits),
      row('list: memory, MB', 'pages', 'memory', megabytes),
      row('list: processor, ms', 'pages', 'processor', digits),
      ...transfer('upload'),
      ...transfer('download'),
    ],
  };
}

async function signIn(authority: Authority, folder: string, ca: string): Promise<string> {
  const dispatcher = new Agent({ connect: { ca } });
  await using handler = new OneDriveTokenHandler({
    appName: 'graph',
    clientId: authority.clientId,
    scopes,
    authority: authority.url,
    dbFilepath: join(folder, 'graph.db'),
    dispatcher,
    openBrowser: (url) => signInAs(url, { ca }),
  });
  const token = await handler.getToken();
  await dispatcher.close();
  return token;
}
