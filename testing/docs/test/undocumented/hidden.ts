/** Exported by its module, but not by the entry. */
export interface Hidden {
  secret: string;
}
