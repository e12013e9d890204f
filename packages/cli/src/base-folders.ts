// The builtin is fetched, not imported: an `import` of `node:fs` alone costs 3 ms, a tenth of what Node takes to start.
const { isAbsolute, join } = process.getBuiltinModule('node:path');

type Folder = string | undefined;

/** Where the database is by default: the XDG data folder, or what the platform has instead. Undefined without a home. */
export function dataFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): Folder {
  return (
    inXdg(env.XDG_DATA_HOME) ??
    {
      win32: () => under(env.LOCALAPPDATA, 'onedrive-token'),
      darwin: () => under(home(env), 'Library', 'Application Support', 'onedrive-token'),
      other: () => under(home(env), '.local', 'share', 'onedrive-token'),
    }[family(platform)]()
  );
}

/** Where compiled code is kept from one start to the next. Undefined without a home. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): Folder {
  return (
    inXdg(env.XDG_CACHE_HOME) ??
    {
      win32: () => under(env.LOCALAPPDATA, 'onedrive-token', 'Cache'),
      darwin: () => under(home(env), 'Library', 'Caches', 'onedrive-token'),
      other: () => under(home(env), '.cache', 'onedrive-token'),
    }[family(platform)]()
  );
}

function family(platform: NodeJS.Platform): 'win32' | 'darwin' | 'other' {
  return platform === 'win32' || platform === 'darwin' ? platform : 'other';
}

/** The XDG specification: a path that is not absolute is to be ignored. */
function inXdg(folder: Folder): Folder {
  return folder && isAbsolute(folder) ? join(folder, 'onedrive-token') : undefined;
}

function under(folder: Folder, ...path: string[]): Folder {
  return folder && join(folder, ...path);
}

function home(env: NodeJS.ProcessEnv): Folder {
  if (env.HOME) return env.HOME;
  try {
    return process.getBuiltinModule('node:os').homedir();
  } catch {
    // A container's user id without an account has none.
    return undefined;
  }
}
