/** The system that a program runs on. */
export interface SystemOptions {
  /** Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Default: `process.platform`. */
  platform?: string;
}

/**
 * Where a program keeps its tokens: `tokens.db` in its own folder among the data of this user. They are in `$XDG_DATA_HOME`, else
 * in `~/.local/share`, on macOS in `~/Library/Application Support`, on Windows in `%LOCALAPPDATA%`. Nothing is read or made.
 *
 * @throws {TypeError} if `program` is not the name of a folder.
 * @throws {Error} without a home folder.
 */
export function dataFilepath(
  program: string,
  { env = process.env, platform = process.platform }: SystemOptions = {},
): string {
  if (typeof program !== 'string' || !/^(?!\.{0,2}$)[^/\\\0]+$/.test(program)) {
    throw new TypeError('program must be the name of a folder');
  }
  // `getBuiltinModule`, because an `import` would take a tenth of the start of a command.
  const { isAbsolute, join } = process.getBuiltinModule('node:path');
  // The XDG Base Directory Specification says to ignore a relative path.
  const xdg = env.XDG_DATA_HOME;
  if (xdg && isAbsolute(xdg)) return join(xdg, program, 'tokens.db');
  const home = platform === 'win32' ? env.LOCALAPPDATA : env.HOME || homeOfUser();
  if (!home || !isAbsolute(home)) {
    throw new Error('There is no home folder for the tokens. Set XDG_DATA_HOME, or name a file yourself');
  }
  const places: Readonly<Record<string, string>> = { win32: '', darwin: 'Library/Application Support' };
  return join(home, places[platform] ?? '.local/share', program, 'tokens.db');
}

/** Undefined for a user whom the system does not know, as in a container. */
function homeOfUser(): string | undefined {
  try {
    return process.getBuiltinModule('node:os').homedir();
  } catch {
    return undefined;
  }
}
