import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTemplate, renderTemplate, type SecretReference } from '../../src/core/index.js';

const render = (text: string, values: Readonly<Record<string, string>>): string => {
  const { template, problems } = compileTemplate(text);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return renderTemplate(template, (reference) => Buffer.from(values[keyOf(reference)] ?? '?'));
};

function keyOf({ name, field, version }: SecretReference): string {
  return `${name}${field === undefined ? '' : `.${field}`}${version === undefined ? '' : `@${version}`}`;
}

const secretName = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,20}$/);
const plainText = fc.string({ unit: 'binary' }).filter((text) => !/<<|\{\{|<$|\{$/.test(text));
const asUtf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('a template', () => {
  it.each([
    ['<<secret:a>>', 'A'],
    ['Bearer <<secret:a>>', 'Bearer A'],
    ['{{secret:a}}', 'A'],
    ['{{a}}', 'A'],
    ['<<secret:a.key>>', 'FIELD'],
    ['<<secret:a@3>>', 'PINNED'],
    ['<<secret:a.key@3>>', 'BOTH'],
    ['<<base64:a>>', 'QQ=='],
    ['<<basic:a,b>>', `Basic ${btoa('A:B')}`],
    ['<<basic:a, b>>', `Basic ${btoa('A:B')}`],
    ['<<secret:a>><<secret:b>>', 'AB'],
    ['no template', 'no template'],
    ['', ''],
    ['a < b > c { d } >> }}', 'a < b > c { d } >> }}'],
  ])('%j renders as %j', (text, expected) => {
    const values = { a: 'A', b: 'B', 'a.key': 'FIELD', 'a@3': 'PINNED', 'a.key@3': 'BOTH' };
    expect(render(text, values)).toBe(expected);
  });

  it.each([
    ['x <<secret:a', 2, 'never closed'],
    ['<<secret:>>', 0, 'not a secret'],
    ['<<secret:1a>>', 0, 'not a secret'],
    ['<<secret:a@0>>', 0, 'not a secret'],
    ['<<secret:a@x>>', 0, 'not a secret'],
    ['<<secret:a.>>', 0, 'not a secret'],
    ['ab<<sceret:a>>', 2, 'not a template function'],
    ['<<a>>', 0, 'no template'],
    ['<<basic:a>>', 0, 'takes two secrets'],
    ['<<basic:a,b,c>>', 0, 'takes two secrets'],
    ['<<secret:a,b>>', 0, 'takes one secret'],
    ['<<base64:a,b>>', 0, 'takes one secret'],
    ['{{}}', 0, 'no template'],
  ])('%j is refused at its place', (text, at, message) => {
    const errors = compileTemplate(text).problems.filter(({ severity }) => severity === 'error');
    expect(errors).toEqual([{ at, severity: 'error', message: expect.stringContaining(message) }]);
  });

  it('warns of the bare form, and says what to write', () => {
    expect(compileTemplate('Bearer {{a.key@2}}').problems).toEqual([
      {
        at: 7,
        severity: 'warning',
        message: 'write <<secret:a.key@2>> instead of {{a.key@2}}',
      },
    ]);
  });

  it('repeats names, and never what may be a value', () => {
    const messages = (text: string): string =>
      compileTemplate(text)
        .problems.map(({ message }) => message)
        .join();
    for (const name of ['stripe_api_key', 'apiKey', 'key-2.field', 'STRIPE_KEY@x']) {
      expect(messages(`<<${name}>>`)).toContain(`"${name}"`);
    }
    const pasted = [
      'sk_live_4eC39HqLyjWDarjtT1zdp7dc',
      'AKIAIOSFODNN7EXAMPLE',
      'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
      'p4ssw0rd!',
      'eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG',
    ];
    for (const value of pasted) {
      for (const text of [
        `<<${value}>>`,
        `<<secret:${value}!>>`,
        `<<${value}:a>>`,
        `{{${value}}}`,
      ]) {
        expect(compileTemplate(text).problems).toHaveLength(1);
        expect(messages(text)).not.toContain(value);
      }
    }
  });

  it('reports every problem of a text', () => {
    expect(compileTemplate('<<x:a>> <<secret:a>> <<secret:1>> <<').problems).toHaveLength(3);
  });

  it('keeps any text around a secret as it is, in UTF-8', () => {
    fc.assert(
      fc.property(plainText, secretName, plainText, (before, name, after) => {
        const text = `${before}<<secret:${name}>>${after}`;
        expect(render(text, { [name]: 'V' })).toBe(`${asUtf8(before)}V${asUtf8(after)}`);
      }),
    );
  });

  it('names every reference once per mention, in order', () => {
    fc.assert(
      fc.property(fc.array(secretName, { maxLength: 6 }), (names) => {
        const text = names.map((name) => `<<secret:${name}>>`).join('-');
        const references = compileTemplate(text).template.references;
        expect(references.map(({ name }) => name)).toEqual(names);
      }),
    );
  });

  it('leaves a template inside a value inert', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('<<secret:b>>', '{{b}}', '>>', '<<', '{{secret:b}}'),
        fc.string({ unit: 'grapheme-ascii' }),
        (mark, rest) => {
          const value = `${mark}${rest}`;
          expect(render('<<secret:a>>.<<secret:b>>', { a: value, b: 'B' })).toBe(`${value}.B`);
        },
      ),
    );
  });

  it('renders the bytes of a value one to one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const { template } = compileTemplate('<<secret:a>>');
        const text = renderTemplate(template, () => bytes);
        expect(Buffer.from(text, 'latin1').equals(bytes)).toBe(true);
      }),
    );
  });

  it('never throws, whatever the text, and points into it', () => {
    const marks = fc.constantFrom('<<', '>>', '{{', '}}', 'secret:', 'basic:', ',', '@', '.', 'a');
    const text = fc.array(fc.oneof(marks, fc.string({ maxLength: 3 })), { maxLength: 12 });
    fc.assert(
      fc.property(text, (pieces) => {
        const whole = pieces.join('');
        for (const { at } of compileTemplate(whole).problems) {
          expect(['<<', '{{']).toContain(whole.slice(at, at + 2));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
