import { withoutControls } from '../plain-text.ts';

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Makes a text inert between tags and in a quoted attribute. Nothing stays nothing. */
export function escapeHtml(text = ''): string {
  return withoutControls(text).replace(/[&<>"']/g, (character) => entities[character] as string);
}
