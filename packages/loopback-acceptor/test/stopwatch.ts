/** Returns how many milliseconds have passed, less what a busy machine has made another timer of this process late meanwhile. */
export function stopwatch(): () => number {
  const started = performance.now();
  const due = started + 300;
  let late = 0;
  const timer = setTimeout(() => (late = performance.now() - due), 300);
  return () => {
    clearTimeout(timer);
    return performance.now() - started - late;
  };
}
