/** How many tests passed, failed and were skipped. As text it is the last line of a run. */
export class TestCount {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** Failures that are not a failed test: a file without tests, a file that hung, … */
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
