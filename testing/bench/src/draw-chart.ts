import { axisY, barX, plot, text } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { digits } from './format.ts';
import type { Bar, Chart } from './section.ts';

const width = 760;
const barHeight = 30;
const top = 44;
const edge = 14;
/** The width of a letter, estimated, because nothing here can measure text. */
const letterWidth = 7.4;

/** Readable on white and on black. An image does not know the colour of its page, only the reader's setting. */
const style = `
.card { fill: #ffffff; }
text { fill: #1f2328; font: 13px system-ui, sans-serif; }
.title text { font-size: 15px; font-weight: 600; }
.ours { fill: #0969da; }
.peers { fill: #afb8c1; }
@media (prefers-color-scheme: dark) {
  .card { fill: #0d1117; }
  text { fill: #e6edf3; }
  .ours { fill: #4493f8; }
  .peers { fill: #484f58; }
}
`;

/** A bar chart, the smallest bar first, as the text of an SVG file. */
export function drawChart({ title, unit, bars, logarithmic = false }: Chart): string {
  const { document } = parseHTML('<html><body></body></html>');
  const shown = bars.toSorted((a, b) => a.value - b.value);
  const values = shown.map(({ value }) => value);
  // A logarithmic bar cannot start at 0.
  const start = logarithmic ? 10 ** (Math.floor(Math.log10(Math.min(...values))) - 1) : 0;
  const marginLeft = 2 * edge + letterWidth * Math.max(...shown.map(({ label }) => label.length));
  const height = top + shown.length * barHeight + edge;
  const textOf = (bar: Bar): string => bar.text ?? `${digits(bar.value)} ${unit}`.trim();
  const mark = (ours: boolean) =>
    barX(
      shown.filter((bar) => bar.ours === ours),
      { x1: start, x2: 'value', y: 'label', insetTop: 3, insetBottom: 3, rx: 3, className: ours ? 'ours' : 'peers' },
    );
  const drawn = plot({
    document: document as unknown as Document,
    width,
    height,
    marginTop: top,
    marginBottom: edge,
    marginLeft,
    marginRight: 90,
    x: { type: logarithmic ? 'log' : 'linear', domain: [start, Math.max(...values)], axis: null },
    y: { type: 'band', domain: shown.map(({ label }) => label) },
    marks: [
      axisY({ label: null, tickSize: 0, className: 'labels' }),
      mark(true),
      mark(false),
      text(shown, { x: 'value', y: 'label', text: textOf, textAnchor: 'start', dx: 6 }),
      text([logarithmic ? `${title} (logarithmic)` : title], {
        frameAnchor: 'top-left',
        dx: edge - marginLeft,
        dy: edge - top,
        className: 'title',
      }),
    ],
  }).outerHTML;
  const marks = drawn
    .slice(drawn.indexOf('>') + 1, drawn.lastIndexOf('</svg>'))
    .replace(/<style>[\s\S]*?<\/style>/, '')
    // Only coordinates. The numbers in texts already have the right digits.
    .replace(/(?<=["(,])\d+\.\d{2,}/g, (number) => Number(number).toFixed(1));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    '<rect class="card" width="100%" height="100%" rx="8"/>',
    `${marks.trim()}</svg>\n`,
  ].join('\n');
}
