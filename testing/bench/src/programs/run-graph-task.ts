import { readFileSync } from 'node:fs';

/** What the bench passes to a program that calls Graph. */
export interface GraphTask {
  readonly name: 'json' | 'pages' | 'upload' | 'download';
  /** `https://127.0.0.1:PORT` */
  readonly origin: string;
  readonly token: string;
  /** Calls for `json`. */
  readonly calls: number;
  /** A file of this machine: to upload, or where the download goes. */
  readonly file: string;
  /** How many bytes or items the result has to have. */
  readonly expected: number;
}

/** What a program prints when it is done: one line of JSON. */
export interface GraphResult {
  readonly milliseconds: number;
  /** Milliseconds of the whole process. */
  readonly processor: number;
  /** The highest resident size of the process, in bytes. */
  readonly memory: number;
}

/** The tasks. Each returns how many bytes or items it has seen. */
export type GraphWork = Record<GraphTask['name'], (task: GraphTask) => Promise<number>>;

/** `node PROGRAM TASK`: does one task, and prints what it cost. The modules are loaded before its time starts. */
export async function runGraphTask(work: GraphWork): Promise<void> {
  const task: GraphTask = JSON.parse(process.argv[2] ?? '');
  const started = performance.now();
  const seen = await work[task.name](task);
  const milliseconds = performance.now() - started;
  if (seen !== task.expected) throw new Error(`${task.name}: ${seen} instead of ${task.expected}`);
  const { user, system } = process.cpuUsage();
  const result: GraphResult = { milliseconds, processor: (user + system) / 1000, memory: highestMemory() };
  console.log(JSON.stringify(result));
}

function highestMemory(): number {
  // maxRSS includes the memory of the parent process before exec.
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : '';
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS) * 1024;
}
