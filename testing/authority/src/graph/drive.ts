import { randomBytes } from 'node:crypto';

/** A file or a folder. */
export interface DriveItem {
  readonly id: string;
  readonly name: string;
  readonly parent: DriveItem | undefined;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  readonly eTag: string;
  /** Absent in a folder. */
  readonly content?: Buffer;
}

/** A user's OneDrive, in memory. A new one has a few files and folders. */
export class Drive {
  readonly id: string;
  readonly root: DriveItem;
  readonly #items = new Map<string, DriveItem>();

  /** @param id sixteen hexadecimal digits, as the ids of personal drives */
  constructor(id: string) {
    this.id = id.toUpperCase();
    this.root = this.#keep({ name: 'root', parent: undefined });
    for (const name of ['Documents', 'Music', 'Pictures']) this.#keep({ name, parent: this.root });
    this.write(this.root, 'Getting started with OneDrive.txt', Buffer.from('Welcome to OneDrive.\n'));
    this.write(this.root, 'Shopping list.md', Buffer.from('# Shopping list\n\n- bread\n- crème fraîche\n'));
  }

  /** The size of all files together, in bytes. */
  get size(): number {
    return [...this.#items.values()].reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  }

  byId(id: string): DriveItem | undefined {
    return id === 'root' ? this.root : this.#items.get(id);
  }

  /** The item at a path like `Documents/letter.txt` below `start`. The case of names does not matter, as in OneDrive. */
  byPath(path: string, start: DriveItem = this.root): DriveItem | undefined {
    let item: DriveItem | undefined = start;
    for (const name of path.split('/').filter(Boolean)) item = item && this.#child(item, name);
    return item;
  }

  /** The items of a folder, sorted by name. */
  childrenOf(folder: DriveItem): DriveItem[] {
    return [...this.#items.values()]
      .filter(({ parent }) => parent === folder)
      .sort((a, b) => a.name.localeCompare(b.name, 'en'));
  }

  /** Creates or replaces a file at a path below `start`, and creates missing folders. */
  write(start: DriveItem, path: string, content: Buffer): DriveItem {
    const names = path.split('/').filter(Boolean);
    const name = names.pop() ?? '';
    let parent = start;
    for (const folder of names) parent = this.#child(parent, folder) ?? this.#keep({ name: folder, parent });
    const previous = this.#child(parent, name);
    return this.#keep({ name, parent, content, ...(previous && { id: previous.id, createdAt: previous.createdAt }) });
  }

  delete(item: DriveItem): void {
    for (const child of this.childrenOf(item)) this.delete(child);
    this.#items.delete(item.id);
  }

  #child(folder: DriveItem, name: string): DriveItem | undefined {
    return this.childrenOf(folder).find((item) => item.name.toLowerCase() === name.toLowerCase());
  }

  #keep(item: Partial<DriveItem> & Pick<DriveItem, 'name' | 'parent'>): DriveItem {
    const now = new Date();
    const id = item.id ?? `${this.id}!s${randomBytes(8).toString('hex')}`;
    const kept = { createdAt: now, ...item, id, modifiedAt: now, eTag: `"{${randomBytes(8).toString('hex')}},1"` };
    this.#items.set(id, kept);
    return kept;
  }
}

/** An item in Graph's JSON. https://learn.microsoft.com/graph/api/resources/driveitem */
export function toDriveItemJson(drive: Drive, item: DriveItem, downloadUrl: (item: DriveItem) => string): object {
  const { id, name, parent, createdAt, modifiedAt, eTag, content } = item;
  return {
    ...(content && { '@microsoft.graph.downloadUrl': downloadUrl(item) }),
    id,
    name,
    eTag,
    size: content?.length ?? drive.childrenOf(item).reduce((sum, child) => sum + (child.content?.length ?? 0), 0),
    createdDateTime: createdAt.toISOString(),
    lastModifiedDateTime: modifiedAt.toISOString(),
    webUrl: `https://onedrive.live.com/?id=${encodeURIComponent(id)}`,
    parentReference: {
      driveId: drive.id,
      driveType: 'personal',
      ...(parent && { id: parent.id, path: `/drive/root:${pathOf(parent)}` }),
    },
    ...(parent === undefined && { root: {} }),
    ...(content ? { file: { mimeType: mimeTypeOf(name) } } : { folder: { childCount: drive.childrenOf(item).length } }),
  };
}

/** The drive itself in Graph's JSON. https://learn.microsoft.com/graph/api/resources/drive */
export function toDriveJson(drive: Drive, owner: { name: string; id: string }): object {
  const total = 5 * 1024 ** 3;
  return {
    id: drive.id,
    name: 'OneDrive',
    driveType: 'personal',
    webUrl: 'https://onedrive.live.com',
    owner: { user: { displayName: owner.name, id: owner.id } },
    quota: { deleted: 0, remaining: total - drive.size, state: 'normal', total, used: drive.size },
  };
}

function pathOf(item: DriveItem): string {
  return item.parent ? `${pathOf(item.parent)}/${encodeURIComponent(item.name)}` : '';
}

function mimeTypeOf(name: string): string {
  const types: Record<string, string> = { txt: 'text/plain', md: 'text/markdown', json: 'application/json' };
  return types[name.split('.').at(-1)?.toLowerCase() ?? ''] ?? 'application/octet-stream';
}
