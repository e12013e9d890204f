import { UsageError } from '../../terminal/failure.ts';

const actions = /(:\/|\/)(content|createUploadSession)$/;

/**
 * The path of the item that `--upload` writes, encoded. What follows `root:/` is a name as the shell has it: a `%`, `?` or `#` is
 * a part of the name. The path for a download, `root:/notes.txt:/content`, means the same item. Throws UsageError for a folder.
 */
export function encodeUploadPath(path: string): string {
  const item = withoutAction(path).replace(/:$/, '');
  if (item.endsWith('/') || item.endsWith(':')) {
    const example = `${item.replace(/[:/]+$/, '')}${item.includes(':/') && !item.endsWith(':/') ? '' : ':'}/notes.txt`;
    throw new UsageError(`--upload: ${path} is a folder. Name the file in it, for example ${example}`);
  }
  const start = item.indexOf(':/') + 2;
  // An absolute URL is encoded already.
  if (start < 2 || /^https?:\/\//i.test(item)) return item;
  return item.slice(0, start) + item.slice(start).split('/').map(encodeURIComponent).join('/');
}

/** `root:/content` itself is a file of that name. */
function withoutAction(path: string): string {
  const [, separator] = actions.exec(path) ?? [];
  if (separator === undefined) return path;
  const item = path.replace(actions, '');
  return (separator === ':/') === /.:\/(?!\/)/.test(item) ? item : path;
}
