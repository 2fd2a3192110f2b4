const ENTITIES: Readonly<Record<string, string>> = {
  '&quot;': '"',
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
};

function plain(text: string): string {
  return text.replaceAll(/&(?:quot|#39|lt|gt|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** The fields of the one form of a page that holds a tag, as a browser would send them. */
export function fieldsIn(page: string): Record<string, string> {
  const form = page.split('<form ').find((one) => one.includes('name="tag"')) ?? '';
  const named = (tag: string): string => /\bname="([^"]*)"/.exec(tag)?.[1] ?? '';
  const fields: [string, string][] = [];
  for (const [tag] of form.matchAll(/<input [^>]*>/g)) {
    fields.push([named(tag), plain(/ value="([^"]*)"/.exec(tag)?.[1] ?? '')]);
  }
  for (const [, tag = '', text = ''] of form.matchAll(/<textarea ([^>]*)>([^<]*)</g)) {
    fields.push([named(tag), plain(text)]);
  }
  for (const [, tag = '', options = ''] of form.matchAll(/<select ([^>]*)>(.*?)<\/select>/gs)) {
    const all = [...options.matchAll(/<option value="([^"]*)"([^>]*)>/g)];
    const chosen = all.find(([, , more = '']) => more.includes('selected')) ?? all[0];
    fields.push([named(tag), plain(chosen?.[1] ?? '')]);
  }
  return Object.fromEntries(fields);
}
