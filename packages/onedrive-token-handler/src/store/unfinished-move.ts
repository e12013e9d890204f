/** No app name may contain it, so no program finds what is stored under the names of this file. */
const separator = '\u001f';
const moving = `moving${separator}`;

/** The name of a record that is on its way to another store: see `moveTokens`. */
export function movingName(appName: string): string {
  return `${moving}${appName}`;
}

/** The name of a record that is written and deleted at once, to find out whether a store takes writes. */
export function probeName(appName: string): string {
  return `probe${separator}${appName}`;
}

/** The app names of what a store lists, sorted. A sign-in whose move was interrupted is still in the store that it leaves. */
export function appNamesIn(names: readonly string[]): string[] {
  const apps = names.map((name) => (name.startsWith(moving) ? name.slice(moving.length) : name));
  // Without a move, the order stays the store's.
  if (apps.every((app, index) => app === names[index] && !app.includes(separator))) return apps;
  return [...new Set(apps)].filter((app) => !app.includes(separator)).sort();
}
