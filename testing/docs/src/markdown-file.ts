import { globSync } from 'node:fs';
import GithubSlugger from 'github-slugger';
import type { List, ListItem, Node, Root, Table, TableRow } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { toString as textOf } from 'mdast-util-to-string';
import { gfm } from 'micromark-extension-gfm';
import { visit } from 'unist-util-visit';
import { readText, root } from './repository.ts';

/** A code block. */
export interface Sample {
  /** The line of its beginning: `docs/recipes.md:12`. */
  readonly place: string;
  /** The heading above it. */
  readonly heading: string;
  readonly language: string;
  readonly code: string;
}

export interface Link {
  readonly place: string;
  readonly url: string;
}

/** A Markdown file of this repository, as GitHub reads it. */
export class MarkdownFile {
  /** Its path from the root of the repository, with `/`. */
  readonly path: string;
  #tree: Root | undefined;
  #anchors: Set<string> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Read when it is needed, because most tests need one file of many. */
  get tree(): Root {
    this.#tree ??= fromMarkdown(readText(this.path), { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
    return this.#tree;
  }

  /** The fragments that a link to this file may have after `#`. */
  get anchors(): ReadonlySet<string> {
    if (this.#anchors) return this.#anchors;
    const slugger = new GithubSlugger();
    const anchors = new Set<string>();
    visit(this.tree, 'heading', (heading) => void anchors.add(slugger.slug(textOf(heading))));
    this.#anchors = anchors;
    return anchors;
  }

  /** Links, images and definitions. */
  get links(): Link[] {
    const links: Link[] = [];
    visit(this.tree, (node) => {
      if ('url' in node) links.push({ place: this.#placeOf(node), url: node.url });
    });
    return links;
  }

  get samples(): Sample[] {
    const samples: Sample[] = [];
    let heading = '';
    visit(this.tree, (node) => {
      if (node.type === 'heading') heading = textOf(node);
      if (node.type !== 'code') return;
      samples.push({ place: this.#placeOf(node), heading, language: node.lang ?? '', code: node.value });
    });
    return samples;
  }

  /** The code within a line of text. */
  get inlineCode(): { place: string; code: string }[] {
    const found: { place: string; code: string }[] = [];
    visit(this.tree, 'inlineCode', (node) => void found.push({ place: this.#placeOf(node), code: node.value }));
    return found;
  }

  /** The HTML, without comments. */
  get html(): string[] {
    const found: string[] = [];
    visit(this.tree, 'html', (node) => {
      if (!node.value.startsWith('<!--')) found.push(`${this.#placeOf(node)} ${node.value}`);
    });
    return found;
  }

  /** The rows of the first table below a heading, without the row of its heading. */
  rowsBelow(heading: string): TableRow[] {
    return this.#firstBelow(heading, 'table').children.slice(1);
  }

  /** The items of the first list below a heading. */
  listBelow(heading: string): ListItem[] {
    return this.#firstBelow(heading, 'list').children;
  }

  #firstBelow<Type extends 'table' | 'list'>(heading: string, type: Type): Extract<Table | List, { type: Type }> {
    const start = this.tree.children.findIndex((node) => node.type === 'heading' && textOf(node) === heading);
    const found = this.tree.children.slice(start + 1).find((node) => node.type === type);
    if (start < 0 || !found) throw new Error(`${this.path} has no ${type} below ${heading}`);
    return found as Extract<Table | List, { type: Type }>;
  }

  #placeOf(node: Node): string {
    return `${this.path}:${node.position?.start.line}`;
  }
}

/** The text of each cell. */
export function cellTexts(row: TableRow): string[] {
  return row.children.map((cell) => textOf(cell));
}

/** Every Markdown file, except changelogs, which are generated. */
export const markdownFiles: readonly MarkdownFile[] = globSync(['**/*.md', '.github/**/*.md'], {
  cwd: root,
  exclude: ['**/node_modules', '**/CHANGELOG.md', 'docs/api'],
})
  .map((path) => path.replaceAll('\\', '/'))
  .sort()
  .map((path) => new MarkdownFile(path));

/** The file at a path from the root of the repository. */
export function markdownFile(path: string): MarkdownFile {
  const file = markdownFiles.find((candidate) => candidate.path === path);
  if (!file) throw new Error(`there is no ${path}`);
  return file;
}
