/**
 * How `changeset version` writes the changelogs: what a user is told, without the commit ids, which say nothing to one who
 * reads it in node_modules. Named in .changeset/config.json; the shape is that of @changesets/types' ChangelogFunctions.
 */
interface Dependency {
  name: string;
  newVersion: string;
}

/** One changeset, as an item of the list. */
export async function getReleaseLine({ summary }: { summary: string }): Promise<string> {
  return `- ${summary.trim().replaceAll('\n', '\n  ').replaceAll(/^ +$/gm, '')}`;
}

/** The packages of this repository that a release takes along, in one item; nothing where there are none. */
export async function getDependencyReleaseLine(_: unknown, dependencies: readonly Dependency[]): Promise<string> {
  if (dependencies.length === 0) return '';
  const names = dependencies.map(({ name, newVersion }) => `${name} ${newVersion}`).sort();
  return `- Comes with ${new Intl.ListFormat('en').format(names)}.`;
}
