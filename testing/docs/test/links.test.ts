import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Link, markdownFiles } from '../src/markdown-file.ts';
import { isInstalled, readManifest, root } from '../src/repository.ts';

const ownSite =
  /^https:\/\/(?:github\.com\/onedrive-token\/onedrive-token\/(?:blob|tree|raw)|raw\.githubusercontent\.com\/onedrive-token\/onedrive-token)\/main\/(.+)$/;
const packages = globSync('packages/*/package.json', { cwd: root }).map(dirname);
const manifests = packages.map((folder) => ({ folder: folder.replaceAll('\\', '/'), ...readManifest(folder) }));
const links = markdownFiles.flatMap((file) => file.links.map((link) => ({ file, ...link })));

test('the Markdown files of this repository are found, each once', () => {
  const paths = markdownFiles.map(({ path }) => path);
  for (const path of ['README.md', 'SECURITY.md', 'packages/cli/README.md']) {
    assert.ok(paths.includes(path), `${path} is not among ${paths}`);
  }
  assert.is(new Set(paths).size, paths.length);
  assert.equal(
    paths.filter((path) => /node_modules|CHANGELOG/.test(path)),
    [],
  );
  assert.ok(links.length > 40, `only ${links.length} links`);
});

test('every link within the repository leads to a file or folder, and to a heading in it', () => {
  assert.equal(
    links.flatMap(({ file, place, url }) => {
      const inside = url.includes(':') ? ownSite.exec(url)?.[1] : from(file.path, url);
      return inside === undefined ? [] : problemsOf(place, url, inside);
    }),
    [],
  );
});

test('every address of this repository that the packages show leads to a file, and to a heading in it', () => {
  const shown = globSync('packages/*/src/**/*.ts', { cwd: root }).flatMap((path) =>
    [...readFileSync(join(root, path), 'utf8').matchAll(/https:[^\s'"`)]+/g)].map(([url]) => ({ place: path, url })),
  );
  const ours = shown.flatMap(({ place, url }) => {
    const inside = ownSite.exec(url)?.[1];
    return inside === undefined ? [] : [{ place, url, inside }];
  });
  assert.ok(ours.length > 0);
  assert.equal(
    ours.flatMap(({ place, url, inside }) => problemsOf(place, url, inside)),
    [],
  );
});

test('every link to another site is a valid https address', () => {
  assert.equal(
    links.filter(({ url }) => url.includes(':')).flatMap(({ place, url }) => (isHttps(url) ? [] : [`${place} ${url}`])),
    [],
  );
});

test("a link in a published README leads into the package's tarball or is absolute", () => {
  const isPacked = (path: string, files: readonly string[]): boolean =>
    /^(README\.md|LICENSE|package\.json)$/.test(path) || files.some((file) => `${path}/`.startsWith(`${file}/`));
  const missing = manifests.flatMap(({ folder, files = [] }) =>
    linksOf(`${folder}/README.md`).flatMap(({ place, url }) => {
      if (url.includes(':') || url.startsWith('#')) return [];
      const [path = ''] = url.split('#');
      return isPacked(posix.normalize(path), files) ? [] : [`${place} ${url}`];
    }),
  );
  assert.equal(missing, []);
});

test('every link to a package on npm names one of ours or one that is installed here', () => {
  const known = new Set(manifests.map(({ name }) => name));
  const unknown = links.flatMap(({ place, url }) => {
    const [, name] = /^https:\/\/www\.npmjs\.com\/package\/(.+)$/.exec(url) ?? [];
    return !name || known.has(name) || isInstalled(name) ? [] : [`${place} ${url}`];
  });
  assert.equal(unknown, []);
});

test('links are Markdown, not HTML, so these tests find them', () => {
  assert.equal(
    markdownFiles.flatMap(({ html }) => html),
    [],
  );
});

function linksOf(path: string): Link[] {
  return links.filter(({ file }) => file.path === path);
}

/** The path from the root, with the fragment. */
function from(path: string, url: string): string {
  return url.startsWith('#') ? path + url : posix.join(posix.dirname(path), url);
}

function problemsOf(place: string, url: string, inside: string): string[] {
  const [path = '', anchor] = inside.split('#');
  const absolute = join(root, decodeURIComponent(path));
  if (path.startsWith('..') || !existsSync(absolute)) return [`${place} ${url}: no such file`];
  if (anchor === undefined) return [];
  const readme = statSync(absolute).isDirectory() ? posix.join(path, 'README.md') : path;
  const file = markdownFiles.find((candidate) => candidate.path === posix.normalize(readme));
  return file?.anchors.has(anchor) ? [] : [`${place} ${url}: no such heading`];
}

function isHttps(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed?.protocol === 'https:' && /^[\w-]+(\.[\w-]+)+$/.test(parsed.hostname) && !/[\s<>"{}|\\^`]/.test(url);
}

test.run();
