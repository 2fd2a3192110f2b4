import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonField, JsonFields } from '../../src/core/index.js';
import { JsonEditor } from '../../src/proxy/edit-json.js';
import { renderBody } from '../../src/snapshot/render-body.js';

/** Pointers with their values, as a snapshot prepares them. */
function fieldsOf(values: Readonly<Record<string, string>>): JsonFields {
  const json = Object.entries(values).map(([pointer, text]) => {
    const part = { type: 'text', text } as const;
    return [pointer, { parts: [part], references: [] }] as const;
  });
  const latin1 = (text: string) => Buffer.from(text).toString('latin1');
  const placed = renderBody(
    { json, form: [], maxBytes: 1 },
    ({ parts }) => latin1(parts[0]?.type === 'text' ? parts[0].text : ''),
    () => undefined,
  );
  return placed.json ?? new Map<string, JsonField>();
}

function edit(body: string | Buffer, fields: JsonFields, cuts: readonly number[] = []): string {
  const whole = Buffer.from(body as string);
  const editor = new JsonEditor(fields);
  const ends = [...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    editor.push(whole.subarray(from, end));
    from = end;
  }
  return editor.end(whole).toString();
}

const rejected = (message: string) =>
  expect.objectContaining({
    code: 'request_rejected',
    message: expect.stringContaining(message) as string,
  });

describe('setting fields in JSON', () => {
  it.each([
    ['{}', { '/key': 'V' }, '{"key":"V"}'],
    ['{ }', { '/key': 'V' }, '{"key":"V" }'],
    ['{"a":1}', { '/key': 'V' }, '{"a":1,"key":"V"}'],
    ['{"a":1 }\n', { '/key': 'V' }, '{"a":1,"key":"V" }\n'],
    ['{"key":"old","a":1}', { '/key': 'V' }, '{"key":"V","a":1}'],
    ['{"key" : {"deep":[1,{"key":2}]} , "a":1}', { '/key': 'V' }, '{"key" : "V" , "a":1}'],
    ['{"k\\u0065y":null}', { '/key': 'V' }, '{"k\\u0065y":"V"}'],
    ['{"a":{"key":0}}', { '/key': 'V' }, '{"a":{"key":0},"key":"V"}'],
    ['{"a":{"key":0}}', { '/a/key': 'V' }, '{"a":{"key":"V"}}'],
    ['{"a":{}}', { '/a/key': 'V', '/b': 'W' }, '{"a":{"key":"V"},"b":"W"}'],
    ['{"x":1}', { '/a/b/c': 'V', '/a/d': 'W' }, '{"x":1,"a":{"b":{"c":"V"},"d":"W"}}'],
    ['[{"key":1},{}]', { '/1/key': 'V' }, '[{"key":1},{"key":"V"}]'],
    ['{"list":[1,2,3]}', { '/list/1': 'V' }, '{"list":[1,"V",3]}'],
    ['{"a/b":{"m~n":0}}', { '/a~1b/m~0n': 'V' }, '{"a/b":{"m~n":"V"}}'],
    ['{"":1}', { '/': 'V' }, '{"":"V"}'],
    [
      '{"n":12345678901234567890.10e+2}',
      { '/key': '"\\\n' },
      '{"n":12345678901234567890.10e+2,"key":"\\"\\\\\\n"}',
    ],
    ['{"a":1,"a":2}', { '/key': 'ü€😀' }, '{"a":1,"a":2,"key":"ü€😀"}'],
    [
      '{"__proto__":{"x":1},"constructor":2}',
      { '/key': 'V' },
      '{"__proto__":{"x":1},"constructor":2,"key":"V"}',
    ],
    ['{}', { '/__proto__/key': 'V' }, '{"__proto__":{"key":"V"}}'],
    ['{"__proto__":{}}', { '/__proto__/key': 'V' }, '{"__proto__":{"key":"V"}}'],
    ['{"toString":{}}', { '/key': 'V' }, '{"toString":{},"key":"V"}'],
  ] as const)('%j with %j is %j', (body, values, expected) => {
    expect(edit(body, fieldsOf(values))).toBe(expected);
  });

  it.each([
    ['', 'not JSON (at byte 1)'],
    ['  ', 'not JSON (at byte 3)'],
    ['{', 'not JSON'],
    ['{"a":1', 'not JSON'],
    ['{"a":1}x', 'not JSON (at byte 8)'],
    ['{"a":1}{}', 'not JSON'],
    ['{"a":01}', 'not JSON (at byte 7)'],
    ['{"a":1.}', 'not JSON'],
    ['{"a":-}', 'not JSON'],
    ['{"a":+1}', 'not JSON'],
    ['{"a":1e}', 'not JSON'],
    ['{"a":.5}', 'not JSON'],
    ['{"a":NaN}', 'not JSON'],
    ['{"a":truE}', 'not JSON'],
    ['{"a":tru', 'not JSON'],
    ["{'a':1}", 'not JSON'],
    ['{a:1}', 'not JSON'],
    ['{"a":1,}', 'not JSON'],
    ['{,}', 'not JSON'],
    ['{"a" 1}', 'not JSON'],
    ['{"a":[1,]}', 'not JSON'],
    ['{"a":[1}', 'not JSON'],
    ['{"a":1]', 'not JSON'],
    ['{"a":"\\x"}', 'not JSON'],
    ['{"a":"\\u12g4"}', 'not JSON'],
    ['{"a":"\n"}', 'not JSON'],
    ['{"a":1}//', 'not JSON'],
    ['\uFEFF{}', 'not JSON (at byte 1)'],
    ['"text"', 'no object where this route sets "key"'],
    ['17', 'no object where this route sets "key"'],
    ['null', 'no object where this route sets "key"'],
    ['[]', 'has no item "key"'],
    ['{"key":1,"key":2}', '"key", which this route sets, more than once'],
    ['{"key":1,"k\\u0065y":2}', 'more than once'],
    ['{"Key":1}', 'in another case'],
    ['{"key":1,"KEY":2}', 'in another case'],
  ])('%j is refused', (body, message) => {
    expect(() => edit(body, fieldsOf({ '/key': 'V' }))).toThrow(rejected(message));
  });

  it('refuses a way to a field that is no object, and bytes that are not UTF-8', () => {
    const fields = fieldsOf({ '/a/key': 'V' });
    expect(() => edit('{"a":"x"}', fields)).toThrow(rejected('where this route sets "key"'));
    expect(() => edit('{"a":null}', fields)).toThrow(rejected('where this route sets "key"'));
    const bytes = Buffer.from('{"x":"\xff"}', 'latin1');
    expect(() => edit(bytes, fields)).toThrow(rejected('not UTF-8'));
  });

  it('takes any depth', () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const result = edit(deep, fieldsOf({ '/key': 'V' }));
    expect(result).toBe(`${deep.slice(0, -1)},"key":"V"}`);
  });

  it('takes and refuses what JSON.parse does, whatever the pieces', () => {
    const alphabet = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '"a"',
        '"key"',
        '1',
        '-',
        '0',
        '.',
        'e',
        '+',
        ' ',
        '\\',
        'u00e9',
        'true',
        'null',
        '\t',
        'é',
      ],
    );
    const text = fc.array(alphabet, { maxLength: 14 }).map((parts) => `{"x":${parts.join('')}}`);
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 4 }), (body, cuts) => {
        let valid = true;
        try {
          JSON.parse(body);
        } catch {
          valid = false;
        }
        const fields = fieldsOf({ '/other': 'V' });
        if (valid) expect(edit(body, fields, cuts).replace(',"other":"V"', '')).toBe(body);
        else expect(() => edit(body, fields, cuts)).toThrow(rejected('not JSON'));
      }),
      { numRuns: 3000, seed: 4 },
    );
  });

  it('is what parsing, setting and printing gives, whatever the value and the pieces', () => {
    const key = fc.constantFrom(
      'a',
      'b',
      'key',
      'ü',
      'a/b',
      'm~n',
      '',
      '0',
      '1',
      '__proto__',
      '"',
      '\\',
    );
    const { tree } = fc.letrec<{ tree: unknown; object: unknown }>((tie) => ({
      object: fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, 'x', '', 'é\n"', -0.5e-7, 12, 1e21),
        fc.array(tie('tree'), { maxLength: 3 }),
        tie('object'),
      ),
    }));
    const root = fc.dictionary(key, tree, { maxKeys: 4 });
    const way = fc.array(key, { minLength: 1, maxLength: 3 });
    const value = fc.string({ unit: 'grapheme' });
    const indent = fc.constantFrom(undefined, 1, '\t');
    let set = 0;
    fc.assert(
      fc.property(
        root,
        way,
        value,
        indent,
        fc.array(fc.nat(), { maxLength: 6 }),
        (json, tokens, text, space, cuts) => {
          const pointer = tokens
            .map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`)
            .join('');
          const body = JSON.stringify(json, null, space);
          const expected = setIn(JSON.parse(body), tokens, text);
          const fields = fieldsOf({ [pointer]: text });
          if (expected === undefined) {
            expect(() => edit(body, fields, cuts)).toThrow(rejected(''));
            return;
          }
          set++;
          const result = edit(body, fields, cuts);
          expect(JSON.stringify(JSON.parse(result))).toBe(JSON.stringify(expected.value));
          // Everything around the edit is as it was.
          let head = 0;
          while (head < body.length && body[head] === result[head]) head++;
          let tail = 0;
          while (tail < body.length - head && body.at(-1 - tail) === result.at(-1 - tail)) tail++;
          const gone = body.slice(head, body.length - tail);
          expect(JSON.stringify(expected.replaced) ?? '').toSatisfy(
            (printed: string) => squeeze(printed).includes(squeeze(gone)) || gone === '',
          );
        },
      ),
      { numRuns: 3000, seed: 5 },
    );
    expect(set).toBeGreaterThan(1000);
  });
});

const squeeze = (text: string): string => text.replace(/\s+/g, '');

/** What a field becomes; undefined where it cannot be set. */
function setIn(
  root: unknown,
  tokens: readonly string[],
  value: string,
): { value: unknown; replaced: unknown } | undefined {
  let here = root;
  for (const [depth, token] of tokens.entries()) {
    if (typeof here !== 'object' || here === null) return undefined;
    const isThere = Object.hasOwn(here, token);
    if (Array.isArray(here) && !(isThere && /^(?:0|[1-9]\d*)$/.test(token))) return undefined;
    const found: unknown = isThere ? (here as Record<string, unknown>)[token] : undefined;
    const last = depth === tokens.length - 1;
    const next: unknown = last ? value : isThere ? found : {};
    Object.defineProperty(here, token, {
      value: next,
      enumerable: true,
      writable: true,
      configurable: true,
    });
    if (last) return { value: root, replaced: found };
    here = next;
  }
  return undefined;
}
