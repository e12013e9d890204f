const units = [
  [86_400_000, 'days'],
  [3_600_000, 'h'],
  [60_000, 'min'],
] as const;

/** 5,400,000 as `90 min`, in the largest unit that gives at least 2. */
export function formatDuration(milliseconds: number): string {
  for (const [unitMs, name] of units) {
    const count = Math.floor(milliseconds / unitMs);
    if (count >= 2) return `${count} ${name}`;
  }
  return `${Math.max(0, Math.floor(milliseconds / 1000))} s`;
}
