/** Reads the password file (PostgreSQL's manual, section 34.16). The package has no types of its own. */
declare module 'pgpass' {
  export default function readPasswordFile(target: object, callback: (password?: string) => void): void;
}
