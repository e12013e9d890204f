/** A form of a page, as much of it as a browser without script needs. */
export interface HtmlForm {
  readonly action: string;
  /** Names and values of all inputs, in the order of the page. */
  readonly fields: [name: string, value: string][];
  /** Names and values of its buttons. */
  readonly buttons: [name: string, value: string][];
}

/** Finds the forms of a page that this package rendered: attributes in double quotes, no nesting. */
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
