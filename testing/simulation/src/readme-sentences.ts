import { createHash } from 'node:crypto';

/** A sentence of a README, or a row of one of its tables. */
export interface Sentence {
  readonly text: string;
  /** Changes with the text. */
  readonly key: string;
}

/** What the sections of that README say, from the one called `first` to the one before `end`. Code and headings say nothing. */
export function readmeSentences(markdown: string, { first, end }: { first: string; end: string }): Sentence[] {
  const from = markdown.indexOf(`\n## ${first}\n`);
  const to = markdown.indexOf(`\n## ${end}\n`);
  if (from < 0 || to < from) throw new Error(`the README has no section ${first} before a section ${end}`);
  const words = markdown
    .slice(from, to)
    .replace(/```.*?```/gs, '')
    .replace(/^\|.*\n\| --.*$/gm, '');
  const blocks = words.split(/\n{2,}|\n(?=[|#-])/);
  const texts = blocks.flatMap((block) => {
    const text = block.trim().replace(/^- /, '').replace(/\s+/g, ' ');
    if (/^(#|$)/.test(text)) return [];
    return text.startsWith('|') ? [text] : text.split(/(?<=[.:]) (?=\W*[A-Z`])/);
  });
  return texts.map((text) => ({ text, key: createHash('sha256').update(text).digest('hex').slice(0, 4) }));
}
