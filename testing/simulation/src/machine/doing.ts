/** What a process can be in the midst of, as bits. */
export const doing = {
  read: 1,
  write: 2,
  delete: 4,
  release: 8,
  waitForLock: 16,
  holdLock: 32,
  refresh: 64,
  askPerson: 128,
  getToken: 256,
  force: 512,
  signIn: 1024,
  signOut: 2048,
  close: 4096,
  /** A call of the store that arrives much later than it was sent, perhaps when nobody waits for it any more. */
  onItsWay: 8192,
} as const;
