/**
 * Makes the changelogs for `changeset version`: the text of each changeset, without commit ids, which are useless to a user who reads the
 * changelog in node_modules. .changeset/config.json names this file. Its exports have the shape of ChangelogFunctions from
 * @changesets/types.
 */
interface Dependency {
  name: string;
  newVersion: string;
}

/** One changeset as an item of the list. */
export async function getReleaseLine({ summary }: { summary: string }): Promise<string> {
  return `- ${summary.trim().replaceAll('\n', '\n  ').replaceAll(/^ +$/gm, '')}`;
}

/** The packages of this repository that are released together with this one, as one item. Empty if there are none. */
export async function getDependencyReleaseLine(_: unknown, dependencies: readonly Dependency[]): Promise<string> {
  if (dependencies.length === 0) return '';
  const names = dependencies.map(({ name, newVersion }) => `${name} ${newVersion}`).sort();
  return `- Comes with ${new Intl.ListFormat('en').format(names)}.`;
}
