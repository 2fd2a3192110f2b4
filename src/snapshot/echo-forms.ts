/**
 * Bytes of the shortest text that is looked for. Shorter ones stand in any answer by chance: it would be full of
 * holes, and whoever reads it could tell the value by them.
 */
export const SHORTEST_FORM = 8;

/**
 * Every form in which an upstream can give a value back, as strings of one character per byte: as it is, in
 * base64 and base64url at each of the three alignments (so also within a longer text, such as the pair of a Basic
 * credential), in hex, and each of them as URLs, JSON and HTML write it. None for one that is too short.
 */
export function echoFormsOf(value: Uint8Array): ReadonlySet<string> {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const forms = new Set<string>();
  if (bytes.length < SHORTEST_FORM) return forms;
  const hex = bytes.toString('hex');
  forms.add(hex).add(hex.toUpperCase());
  for (const text of textsOf(bytes)) {
    for (const form of writingsOf(text)) forms.add(bytesAsText(form));
    forms.add(unicodeEscapes(text, EVERY)).add(upperDigits(unicodeEscapes(text, EVERY)));
  }
  const raw = bytes.toString('latin1');
  for (const form of [raw, ...base64Of(bytes)]) {
    forms.add(form);
    for (const written of percentWritings(form)) forms.add(written);
  }
  for (const form of base64Of(bytes)) {
    for (const written of writingsOf(form)) forms.add(written);
  }
  return forms;
}

const NUMBER = /^[0-9][0-9.eE+-]*$/;

/**
 * What stands in for a form. It says nothing about the value's length, and a JSON text stays one: what can be a
 * number in it gives way to a number, and what is a whole JSON value with quotes, and so never part of a string,
 * to a string.
 */
export function maskFor(form: string): string {
  if (NUMBER.test(form)) return '1';
  return form.includes('"') && isJson(form) ? '"[redacted]"' : '[redacted]';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The characters that the bytes stand for: UTF-8, or one for each byte, as HTTP libraries read headers. The
 * second, written out as UTF-8, is not what it was.
 */
function textsOf(bytes: Buffer): string[] {
  const texts = [bytes.toString('latin1')];
  const utf8 = bytes.toString('utf8');
  if (utf8 !== texts[0] && Buffer.from(utf8).equals(bytes)) texts.push(utf8);
  return texts;
}

function bytesAsText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** With and without padding, and the part at each alignment that its neighbours do not decide. */
function base64Of(bytes: Buffer): string[] {
  const padded = bytes.toString('base64');
  const forms = [padded, padded.replace(/=+$/, '')];
  for (const before of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const from = Math.ceil((before * 8) / 6);
    forms.push(shifted.slice(from, Math.floor(((before + bytes.length) * 8) / 6)));
  }
  return [...forms, ...forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))];
}

/** A text as JSON encoders and HTML pages write it; the text itself first. */
function writingsOf(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const slashes = json.replaceAll('/', '\\/');
  return [
    text,
    json,
    slashes,
    ...[json, slashes].flatMap((form) => bothCases(unicodeEscapes(form, NOT_ASCII))),
    // As encoders do that make JSON safe within HTML: Go and Rails, Gson, PHP, .NET.
    ...bothCases(unicodeEscapes(json, /[<>&]/g)),
    ...bothCases(unicodeEscapes(json, /[<>&'=]/g)),
    ...bothCases(unicodeEscapes(json.replaceAll('\\"', '"'), /[<>&'"+`]|[^ -~]/g)),
    ...bothCases(unicodeEscapes(slashes.replaceAll('\\"', '"'), /[<>&'"]|[^ -~]/g)),
    ...htmlWritings(text),
  ];
}

const EVERY = /[\s\S]/g;
const NOT_ASCII = /[^ -~]/g;

function unicodeEscapes(text: string, which: RegExp): string {
  return text.replace(
    which,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function bothCases(escaped: string): string[] {
  return [escaped, upperDigits(escaped)];
}

function upperDigits(escaped: string): string {
  return escaped.replace(/\\u[0-9a-f]{4}/g, (found) => `\\u${found.slice(2).toUpperCase()}`);
}

const ENTITIES: readonly Readonly<Record<string, string>>[] = [
  { '"': '&quot;', "'": '&#39;' },
  { '"': '&#34;', "'": '&#39;' },
  { '"': '&quot;', "'": '&#x27;' },
  { '"': '&quot;', "'": '&#039;' },
  { '"': '"', "'": "'" },
];
const ALWAYS: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function htmlWritings(text: string): string[] {
  return ENTITIES.map((quotes) =>
    text.replace(/[&<>"']/g, (character) => ALWAYS[character] ?? quotes[character] ?? character),
  );
}

/**
 * What each way of percent-encoding leaves as it is: RFC 3986's unreserved characters, `encodeURIComponent`, a
 * segment of a path, `encodeURI`, forms, nothing at all.
 */
const KEPT_IN_URLS: readonly RegExp[] = [
  /[A-Za-z0-9._~-]/,
  /[A-Za-z0-9._~!'()*-]/,
  /[A-Za-z0-9._~!'()*$&+=:@,;-]/,
  /[A-Za-z0-9._~!'()*;/?:@&=+$,#-]/,
  /[A-Za-z0-9._*+-]/,
  /(?!)/,
];

function percentWritings(bytes: string): string[] {
  return KEPT_IN_URLS.flatMap((kept) => {
    // A form writes a space as "+", and "+" never as itself.
    const isForm = kept.test('+') && !kept.test('~');
    const write = (digits: (hex: string) => string): string =>
      bytes.replace(EVERY, (character) => {
        if (isForm && character === ' ') return '+';
        if (kept.test(character) && !(isForm && character === '+')) return character;
        return `%${digits(character.charCodeAt(0).toString(16).padStart(2, '0'))}`;
      });
    return [write((hex) => hex.toUpperCase()), write((hex) => hex)];
  });
}
