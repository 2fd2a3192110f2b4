import { compileTemplate, type PlacedPath, type Template, templateOf } from '../core/index.js';
import { percentEncode } from './percent-encode.js';

/** `.` and `..`, also with what some servers cut off before they resolve dots, as for the targets of requests. */
const DOT_SEGMENT = /^\.{1,2}(?:[;?#].*)?$/s;
/** Dropped by lenient URL parsers and file systems. */
const DROPPED_BY_SOME = /[\p{Cc}\s]+/gu;
/** Overlong UTF-8 of ".", "/" and "\\", one character per byte. */
const OVERLONG_DOT = /\xc0\xae|\xe0\x80\xae/g;
const OVERLONG_SLASH = /\xc0\xaf|\xe0\x80\xaf|\xc1\x9c/g;
/** Rounds of decoding tried, as for the targets of requests. */
const MAX_DECODINGS = 3;
/** Longer than any token; bounded, because what a client sends is matched with it. */
const TOKEN = '(kfc_[A-Za-z0-9_-]{1,124})';

/**
 * What a client may write in place of a placed path: the path itself with its token where each template
 * stands. Undefined where the path holds none.
 */
export function pathInPlace(text: string): RegExp | undefined {
  const { parts, references } = compileTemplate(text).template;
  if (references.length === 0) return undefined;
  const source = parts
    .map((part) => (part.type === 'text' ? part.text.replace(/[^A-Za-z0-9/]/g, '\\$&') : TOKEN))
    .join('');
  return new RegExp(`^${source}(?=/|$)`);
}

const NEVER = /^(?!)/;

/**
 * Renders a path. `render` gives one character per byte. Each value is percent-encoded, so that it stays within its segment. Undefined where a segment would still be taken for a
 * dot segment, by a server that decodes before it splits.
 */
export function renderPath(
  text: string,
  template: Template,
  render: (part: Template) => string,
): PlacedPath | undefined {
  let path = '';
  for (const part of template.parts) {
    path += part.type === 'text' ? part.text : percentEncode(render(templateOf(part)));
  }
  return hidesDots(path) ? undefined : { text: path, inPlace: pathInPlace(text) ?? NEVER };
}

function hidesDots(path: string): boolean {
  let decoded = path;
  for (let round = 0; round <= MAX_DECODINGS; round++) {
    const plain = decoded.replace(OVERLONG_DOT, '.').replace(OVERLONG_SLASH, '/');
    // At a NUL some servers cut a path off.
    if (plain.includes('\0') || plain.split(/[/\\]/).some(isDotSegment)) return true;
    decoded = decoded.replace(/%([0-9A-Fa-f]{2})/g, (_all, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  }
  return false;
}

function isDotSegment(segment: string): boolean {
  return DOT_SEGMENT.test(segment.replace(DROPPED_BY_SOME, ''));
}
