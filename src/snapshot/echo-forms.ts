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
  forms.add(bytes.toString('latin1')).add(hex).add(hex.toUpperCase());
  for (const text of textsOf(bytes)) {
    for (const form of writingsOf(text)) {
      forms.add(NOT_ASCII.test(form) ? Buffer.from(form).toString('latin1') : form);
    }
  }
  for (const form of percentWritings(bytes.toString('latin1'))) forms.add(form);
  for (const form of base64Of(bytes)) {
    for (const written of base64Writings(form)) forms.add(written);
  }
  return forms;
}

/** Nothing escapes every character of a longer text, and its forms would take long to make. */
const LONGEST_ESCAPED_WHOLE = 4096;

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

/** What URLs, JSON and HTML make of the three characters of base64 that are no letters or digits. */
function base64Writings(form: string): string[] {
  if (!/[+/=]/.test(form)) return [form];
  const pluses = form.replaceAll('+', '%2B').replaceAll('=', '%3D');
  const slashes = form.replaceAll('/', '%2F');
  const all = pluses.replaceAll('/', '%2F');
  const urls = [pluses, slashes, all].flatMap((url) => [
    url,
    url.replace(/%../g, (found) => found.toLowerCase()),
  ]);
  const json = [form.replaceAll('+', '\\u002b'), form.replaceAll('=', '\\u003d')];
  return [form, form.replaceAll('/', '\\/'), ...urls, ...json.flatMap(bothCases)];
}

const NOT_ASCII = /[^ -~]/;
const SPECIAL = /[^A-Za-z0-9 _.~-]/;

/** A text as JSON encoders and HTML pages write it; the text itself first. */
function writingsOf(text: string): string[] {
  const escaped = text.length > LONGEST_ESCAPED_WHOLE ? [] : bothCases(unicodeEscapes(text, ANY));
  if (!SPECIAL.test(text)) return [text, ...escaped];
  const json = JSON.stringify(text).slice(1, -1);
  const slashes = json.replaceAll('/', '\\/');
  const plainQuotes = json.replaceAll('\\"', '"');
  return [
    text,
    json,
    slashes,
    ...htmlWritings(text),
    ...[
      ...[json, slashes].map((form) => unicodeEscapes(form, BEYOND_ASCII)),
      // As encoders do that make JSON safe within HTML: Go and Rails, Gson, .NET, PHP.
      unicodeEscapes(json, /[<>&]/g),
      unicodeEscapes(json, /[<>&'=]/g),
      unicodeEscapes(plainQuotes, /[<>&'"+`]|[^ -~]/g),
      unicodeEscapes(slashes.replaceAll('\\"', '"'), /[<>&'"]|[^ -~]/g),
    ].flatMap(bothCases),
    ...escaped,
  ];
}

const ANY = /[\s\S]/g;
const BEYOND_ASCII = /[^ -~]/g;
const UNICODE_ESCAPES = Array.from(
  { length: 256 },
  (_, code) => `\\u${code.toString(16).padStart(4, '0')}`,
);

function unicodeEscapes(text: string, which: RegExp): string {
  return text.replace(which, (character) => {
    const code = character.charCodeAt(0);
    return UNICODE_ESCAPES[code] ?? `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** Hex digits of `\u` escapes in lower case, as given, and in upper case. */
function bothCases(escaped: string): string[] {
  const upper = escaped.replace(/\\u[0-9a-f]{4}/g, (found) => `\\u${found.slice(2).toUpperCase()}`);
  return [escaped, upper];
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
  if (!/[&<>"']/.test(text)) return [];
  return ENTITIES.map((quotes) =>
    text.replace(/[&<>"']/g, (character) => ALWAYS[character] ?? quotes[character] ?? character),
  );
}

/**
 * What each way of percent-encoding leaves as it is: RFC 3986's unreserved characters, `encodeURIComponent`, a
 * segment of a path, `encodeURI`, forms (which write a space as "+"), nothing at all.
 */
const URL_TABLES = [
  /[A-Za-z0-9._~-]/,
  /[A-Za-z0-9._~!'()*-]/,
  /[A-Za-z0-9._~!'()*$&+=:@,;-]/,
  /[A-Za-z0-9._~!'()*;/?:@&=+$,#-]/,
  /[A-Za-z0-9._*-]/,
  /(?!)/,
].flatMap((kept, index) => [urlTable(kept, index === 4, true), urlTable(kept, index === 4, false)]);

/** By byte: how it is written. */
function urlTable(kept: RegExp, isForm: boolean, upper: boolean): readonly string[] {
  return Array.from({ length: 256 }, (_, code) => {
    const character = String.fromCharCode(code);
    if (kept.test(character)) return character;
    if (isForm && character === ' ') return '+';
    const hex = code.toString(16).padStart(2, '0');
    return `%${upper ? hex.toUpperCase() : hex}`;
  });
}

function percentWritings(bytes: string): string[] {
  // Most values are left as they are by all of them but the last.
  const from = /^[A-Za-z0-9._-]*$/.test(bytes) ? -2 : 0;
  const tables = URL_TABLES.slice(from, bytes.length > LONGEST_ESCAPED_WHOLE ? -2 : undefined);
  return tables.map((table) => {
    let written = '';
    for (let at = 0; at < bytes.length; at++) written += table[bytes.charCodeAt(at)];
    return written;
  });
}
