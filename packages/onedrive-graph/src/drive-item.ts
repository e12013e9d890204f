/** A file or a folder, as Graph describes it. https://learn.microsoft.com/graph/api/resources/driveitem */
export interface DriveItem {
  readonly id: string;
  readonly name: string;
  /** Bytes; for a folder, of its whole content. */
  readonly size?: number;
  /** Changes with the content and with the name. */
  readonly eTag?: string;
  /** Changes with the content alone. */
  readonly cTag?: string;
  /** ISO 8601. */
  readonly createdDateTime?: string;
  /** ISO 8601. */
  readonly lastModifiedDateTime?: string;
  /** The address for a browser. */
  readonly webUrl?: string;
  /** Present if it is a file. */
  readonly file?: { readonly mimeType?: string; readonly hashes?: Readonly<Record<string, string>> };
  /** Present if it is a folder. */
  readonly folder?: { readonly childCount?: number };
  /** The folder that contains it. */
  readonly parentReference?: { readonly driveId?: string; readonly id?: string; readonly path?: string };
  /** Further properties that Graph returns. */
  readonly [property: string]: unknown;
}
