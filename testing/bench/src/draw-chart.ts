export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  readonly isOurs: boolean;
}

const [width, barHeight, top, edge, labels] = [760, 30, 44, 14, 210];

/** Readable on white and on black. An image does not know the colour of its page, only the reader's setting. */
const style = `
.card { fill: #ffffff; }
text { fill: #1f2328; font: 13px system-ui, sans-serif; }
.title { font-size: 15px; font-weight: 600; }
.ours { fill: #0969da; }
.peer { fill: #afb8c1; }
@media (prefers-color-scheme: dark) {
  .card { fill: #0d1117; }
  text { fill: #e6edf3; }
  .ours { fill: #4493f8; }
  .peer { fill: #484f58; }
}
`;

/** A bar chart, the smallest bar first, as the text of an SVG file. */
export function drawChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const height = top + bars.length * barHeight + edge;
  const rows = bars
    .toSorted((a, b) => a.value - b.value)
    .map(({ label, value, text, isOurs }, index) => {
      const y = top + index * barHeight;
      const length = (value / most) * (width - labels - 90);
      return [
        `<text x="${labels - 8}" y="${y + 19}" text-anchor="end">${label}</text>`,
        `<rect class="${isOurs ? 'ours' : 'peer'}" x="${labels}" y="${y + 3}" width="${length.toFixed(1)}" height="${barHeight - 6}" rx="3"/>`,
        `<text x="${(labels + length + 6).toFixed(1)}" y="${y + 19}">${text}</text>`,
      ].join('\n');
    });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    '<rect class="card" width="100%" height="100%" rx="8"/>',
    `<text class="title" x="${edge}" y="${edge + 13}">${title}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}
