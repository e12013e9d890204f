/** The name under which one process at a time signs in; apart from the record's, which a sign-in takes only to write. */
export function signInLock(appName: string): string {
  return `sign-in\u001f${appName}`;
}
