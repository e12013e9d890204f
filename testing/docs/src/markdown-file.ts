import { globSync } from 'node:fs';
import GithubSlugger from 'github-slugger';
import type { Node, Root, TableRow } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { toString as textOf } from 'mdast-util-to-string';
import { gfm } from 'micromark-extension-gfm';
import { visit } from 'unist-util-visit';
import { readText, root } from './repository.ts';

/** A code block. */
export interface Sample {
  /** `docs/recipes.md:12`: where it begins. */
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

/** One of the Markdown files of this repository, as GitHub reads it. */
export class MarkdownFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly tree: Root;

  constructor(path: string) {
    this.path = path;
    this.tree = fromMarkdown(readText(path), { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  }

  /** What may stand behind `#` in a link to this file. */
  get anchors(): Set<string> {
    const slugger = new GithubSlugger();
    const anchors = new Set<string>();
    visit(this.tree, 'heading', (heading) => void anchors.add(slugger.slug(textOf(heading))));
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

  /** Code within a line. */
  get inlineCode(): { place: string; code: string }[] {
    const found: { place: string; code: string }[] = [];
    visit(this.tree, 'inlineCode', (node) => void found.push({ place: this.#placeOf(node), code: node.value }));
    return found;
  }

  /** HTML but for comments. */
  get html(): string[] {
    const found: string[] = [];
    visit(this.tree, 'html', (node) => {
      if (!node.value.startsWith('<!--')) found.push(`${this.#placeOf(node)} ${node.value}`);
    });
    return found;
  }

  /** The rows of the first table below a heading, without its head. */
  rowsBelow(heading: string): TableRow[] {
    const start = this.tree.children.findIndex((node) => node.type === 'heading' && textOf(node) === heading);
    const table = this.tree.children.slice(start + 1).find(({ type }) => type === 'table');
    if (start < 0 || table?.type !== 'table') throw new Error(`${this.path} has no table below ${heading}`);
    return table.children.slice(1);
  }

  #placeOf(node: Node): string {
    return `${this.path}:${node.position?.start.line}`;
  }
}

/** The first table cell's text, the second's, … */
export function cellTexts(row: TableRow): string[] {
  return row.children.map((cell) => textOf(cell));
}

/** Every Markdown file that somebody wrote; changelogs and changesets are made of one another. */
export const markdownFiles: readonly MarkdownFile[] = globSync(['**/*.md', '.github/**/*.md'], {
  cwd: root,
  exclude: ['**/node_modules', '**/CHANGELOG.md', 'docs/api'],
})
  .map((path) => path.replaceAll('\\', '/'))
  .sort()
  .map((path) => new MarkdownFile(path));

/** The file at a path from the repository's root. */
export function markdownFile(path: string): MarkdownFile {
  const file = markdownFiles.find((candidate) => candidate.path === path);
  if (!file) throw new Error(`there is no ${path}`);
  return file;
}
