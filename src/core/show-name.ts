/** What people name things: words of letters, with a number behind, joined by "_", "-", "." or "@". */
const NAME_LIKE = /^[A-Za-z]{1,16}\d{0,4}(?:[_.@-](?:[A-Za-z]{1,16}\d{0,4}|\d{1,4}))*$/;
const LONGEST = 40;

export function looksLikeName(text: string): boolean {
  return text.length <= LONGEST && NAME_LIKE.test(text);
}

/**
 * A text for a message: in quotes where it looks like a name, and only its length where it may be a value that
 * someone pasted in the wrong place.
 */
export function showName(text: string): string {
  if (looksLikeName(text)) return `"${text}"`;
  if (text === '') return 'nothing';
  return `${text.length} character${text.length === 1 ? '' : 's'}`;
}
