/** Its module exports it, the entry does not. */
export interface Hidden {
  secret: string;
}
