/** Whether the database could not be opened for want of its key: there was none, or the wrong one. */
export function wantsKey(error: unknown): boolean {
  return (error as { cause?: { code?: string } } | undefined)?.cause?.code === 'STORE_KEY';
}
