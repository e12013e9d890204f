/** How many tests passed, failed and were skipped, as the closing line of a run says it. */
export class TestCount {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** What failed besides a test: a file without tests, one that hung, … */
  reasons: string[] = [];

  fail(reason: string): void {
    this.failed++;
    this.reasons.push(reason);
  }

  add(other: Pick<TestCount, 'passed' | 'failed' | 'skipped'>): void {
    this.passed += other.passed;
    this.failed += other.failed;
    this.skipped += other.skipped;
  }

  toString(): string {
    return `${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`;
  }
}
