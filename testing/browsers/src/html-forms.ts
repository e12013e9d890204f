/** A form of a page: the parts that a browser without script needs. */
export interface HtmlForm {
  readonly action: string;
  /** The inputs, in the order of the page. */
  readonly fields: [name: string, value: string][];
  /** The buttons, in the order of the page. */
  readonly buttons: [name: string, value: string][];
}

/** Finds the forms of a simple page: attributes in double quotes, no element within a button. */
export function findForms(html: string): HtmlForm[] {
  return [...html.matchAll(/<form ([^>]*)>(.*?)<\/form>/gs)].map(([, attributes = '', content = '']) => ({
    action: attributeOf(attributes, 'action'),
    fields: namedTags(content, 'input'),
    buttons: namedTags(content, 'button'),
  }));
}

function namedTags(content: string, tag: string): [string, string][] {
  return [...content.matchAll(new RegExp(`<${tag} ([^>]*)>`, 'g'))].map(([, attributes = '']) => [
    attributeOf(attributes, 'name'),
    attributeOf(attributes, 'value'),
  ]);
}

function attributeOf(attributes: string, name: string): string {
  const [, value = ''] = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes) ?? [];
  return value.replace(/&#(\d+);|&(amp|quot|lt|gt);/g, (entity, code: string | undefined, word: string | undefined) =>
    code ? String.fromCharCode(Number(code)) : (namedEntities[word ?? ''] ?? entity),
  );
}

const namedEntities: Record<string, string> = { amp: '&', quot: '"', lt: '<', gt: '>' };
