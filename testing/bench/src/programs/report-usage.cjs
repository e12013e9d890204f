// Preloaded with `--require`: when the process ends, it writes its processor time and its memory to descriptor 3.
process.on('exit', () => {
  const { readFileSync, writeSync } = require('node:fs');
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  // maxRSS includes the memory of the parent process before exec.
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : '';
  const most = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? maxRSS);
  writeSync(3, JSON.stringify({ userCPUTime, systemCPUTime, most }));
});
