import { markdownFile } from './markdown-file.ts';

const { samples } = markdownFile('docs/recipes.md');

/** A sample of docs/recipes.md below a heading: the first or the `n`th one in that language. Throws if there is none. */
export function recipeSample(heading: string, language: string, n = 0): string {
  const sample = samples.filter((candidate) => candidate.heading === heading && candidate.language === language)[n];
  if (!sample) throw new Error(`no ${language} sample ${n} below ${heading}`);
  return sample.code;
}
