/**
 * Makes text that came from a provider, a person or another program safe to show. This file imports nothing, so that it
 * runs in any JavaScript runtime.
 */

/** A tab, a line feed, and a carriage return before a line feed are safe. */
const unsafe = /\r(?!\n)|(?![\t\n\r])[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/**
 * Replaces by U+FFFD (�) each character that could control a terminal, fake a line of output or hide what a text says:
 *
 * - control characters (Unicode category Cc; ESC is one of them), except tab, LF and CRLF;
 * - the line and paragraph separators U+2028 and U+2029;
 * - the characters that change the reading direction: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069.
 *
 * All other characters stay, so that text of any language is readable. Does not limit the length. Does not escape HTML.
 */
export function toPlainText(text: string): string {
  return text.replace(unsafe, '\ufffd');
}

/** Options of `toPlainLine`. */
export interface PlainLineOptions {
  /** The greatest length in UTF-16 code units. The `…` after a cut is not counted. Default 500. */
  maxLength?: number | undefined;
}

/**
 * Turns a text into one line that is safe and short enough for an error message. Each run of white space, line ends and
 * characters that `toPlainText` replaces becomes one space. A text longer than `maxLength` is cut.
 */
export function toPlainLine(text: string, { maxLength = 500 }: PlainLineOptions = {}): string {
  // Reads at most ten times `maxLength`, so that a huge text costs no time.
  const safe = text.slice(0, 10 * maxLength).replace(unsafe, ' ');
  const line = safe.replace(/\s+/gu, ' ').trim();
  return line.length <= maxLength ? line : `${line.slice(0, maxLength).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/**
 * Replaces every occurrence of the secrets, plain or percent-encoded as JavaScript, .NET, Java, PHP, Python and forms do it. The digits
 * of an encoding may have either case. Empty secrets are ignored.
 *
 * Call it before the functions above, because it does not find a secret that they have changed or cut.
 *
 * @param replacement takes the place of each secret. Default: `[secret]`.
 */
export function replaceSecrets(text: string, secrets: readonly string[], replacement = '[secret]'): string {
  const forms = secrets.filter((secret) => secret !== '').flatMap((secret) => [secret, ...encodingsOf(secret)]);
  // Long ones first, because one secret may be a part of another.
  const sorted = [...new Set(forms)].sort((one, other) => other.length - one.length);
  return sorted.reduce((left, form) => left.replaceAll(form, () => replacement), text);
}

/**
 * What programs encode beyond `encodeURIComponent`: JavaScript nothing, RFC 3986 and Python the first ones, forms and Java the second ones,
 * PHP the third ones, .NET the last ones.
 */
const alsoEncoded = [/(?!)/g, /[!'()*]/g, /[!'()~]/g, /[!'()*~]/g, /['~]/g];

function encodingsOf(text: string): string[] {
  const component = encodeURIComponent(text.toWellFormed());
  const encode = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  const encoded = alsoEncoded.map((characters) => component.replace(characters, encode));
  const all = [...encoded, ...encoded.map((one) => one.replaceAll('%20', '+'))];
  // .NET has digits in lower case.
  return [...all, ...all.map((one) => one.replace(/%../g, (byte) => byte.toLowerCase()))];
}
