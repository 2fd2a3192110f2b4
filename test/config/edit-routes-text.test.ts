import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replaceSecretsInText } from '../../src/config/index.js';

const FILE = `\uFEFF{
  // Routes of the shop.
  "$schema": "./routes.schema.json",
  "routes": [
    {
      "name": "stripe", /* who pays */
      "match": { "pathPrefix": "/stripe" },
      "headers": { "Authorization": "Bearer <<secret:a>>" }, // for all
      "environments": {
        "production": { "upstream": "https://api.stripe.com" }, // live
        "staging":    { "upstream": "https://api.stripe.com", "headers": { "Stripe-Version": "2026-10-01" } },
        "development": {
          "upstream": "https://api.stripe.com"   // the same
          // "echoScrub": "block"
        },
        "qa": {
          "upstream": "https://api.stripe.com",
          "timeouts": { "connectMs": 1000, }, // quick
        },
      }
    },
    { "name": "bot", "match": { "pathPrefix": "/bot" }, "path": "/bot{{ a}}{{a}}", "environments": {
      "production": { "upstream": "https://bot.example" } } }
  ],
}
`.replaceAll('\n', '\r\n');

const GOOD = FILE.replace('{{ a}}', '');

function replaced(environment: string): string {
  return replaceSecretsInText(GOOD, 'routes.jsonc', [{ from: 'a', to: 'b', environment }]).text;
}

describe('replaceSecretsInText', () => {
  it.each([
    [
      'production',
      [
        [
          `"production": { "upstream": "https://api.stripe.com" }, // live`,
          `"production": { "upstream": "https://api.stripe.com", "headers": { "Authorization": "Bearer <<secret:b>>" } }, // live`,
        ],
        [`"path": "/bot{{a}}"`, `"path": "/bot{{b}}"`],
      ],
    ],
    [
      'staging',
      [
        [
          `{ "Stripe-Version": "2026-10-01" }`,
          `{ "Stripe-Version": "2026-10-01", "Authorization": "Bearer <<secret:b>>" }`,
        ],
      ],
    ],
    [
      'development',
      [
        [
          `"upstream": "https://api.stripe.com"   // the same\r\n`,
          `"upstream": "https://api.stripe.com",   // the same\r\n          "headers": { "Authorization": "Bearer <<secret:b>>" }\r\n`,
        ],
      ],
    ],
    [
      'qa',
      [
        [
          `"timeouts": { "connectMs": 1000, }, // quick\r\n`,
          `"timeouts": { "connectMs": 1000, }, // quick\r\n          "headers": { "Authorization": "Bearer <<secret:b>>" },\r\n`,
        ],
      ],
    ],
  ])('changes what it must for %s, and no other character', (environment, changes) => {
    const expected = changes.reduce((text, [from = '', to = '']) => {
      expect(text).toContain(from);
      return text.replace(from, () => to);
    }, GOOD);
    expect(replaced(environment)).toBe(expected);
  });

  it('gives the same text where nothing names the secret', () => {
    const edited = replaceSecretsInText(GOOD, 'f', [
      { from: 'zzz', to: 'b', environment: 'production' },
    ]);
    expect(edited.text).toBe(GOOD);
    expect(edited.after).toEqual(edited.before);
  });

  it('makes several replacements one after another', () => {
    const { text, after } = replaceSecretsInText(GOOD, 'f', [
      { from: 'a', to: 'b', environment: 'staging' },
      { from: 'a', to: 'c', environment: 'production' },
      { from: 'b', to: 'd', environment: 'staging' },
    ]);
    expect(text).toContain('"Authorization": "Bearer <<secret:d>>"');
    expect(after.routes[0]?.environments.production?.headers).toEqual({
      Authorization: 'Bearer <<secret:c>>',
    });
    expect(text.match(/\/\/|\/\*/g)).toEqual(GOOD.match(/\/\/|\/\*/g));
  });

  it('spreads what is long over lines, in the indentation of the file', () => {
    const text = [
      '{',
      '\t"routes": [{',
      '\t\t"name": "signed",',
      '\t\t"match": { "pathPrefix": "/signed" },',
      '\t\t"sign": { "hmac": { "key": "<<secret:a>>", "header": "X-Signature", "canonical": "<<timestamp>>.<<body>>", "prefix": "t=<<timestamp>>,v1=" } },',
      '\t\t"environments": {',
      '\t\t\t"production": {',
      '\t\t\t\t"upstream": "https://api.example"',
      '\t\t\t},',
      '\t\t\t"staging": { "upstream": "https://api.example" }',
      '\t\t}',
      '\t}]',
      '}',
    ].join('\n');
    const replacement = { from: 'a', to: 'b', environment: 'production' };
    const edited = replaceSecretsInText(text, 'f', [replacement]).text;
    expect(edited.split('\n').slice(7, 18)).toEqual([
      '\t\t\t\t"upstream": "https://api.example",',
      '\t\t\t\t"sign": {',
      '\t\t\t\t\t"hmac": {',
      '\t\t\t\t\t\t"key": "<<secret:b>>",',
      '\t\t\t\t\t\t"header": "X-Signature",',
      '\t\t\t\t\t\t"canonical": "<<timestamp>>.<<body>>",',
      '\t\t\t\t\t\t"prefix": "t=<<timestamp>>,v1="',
      '\t\t\t\t\t}',
      '\t\t\t\t}',
      '\t\t\t},',
      '\t\t\t"staging": { "upstream": "https://api.example" }',
    ]);
  });

  it('says the same as the document does, whatever stands between the tokens', () => {
    const blank = fc.constantFrom(
      '',
      ' ',
      '\n',
      '\r\n\t',
      ' // note\n',
      '/* {"a":1} */',
      '\n  // x, }\n',
    );
    fc.assert(
      fc.property(
        fc.array(blank, { minLength: 40, maxLength: 40 }),
        fc.boolean(),
        fc.constantFrom('production', 'staging', 'development'),
        (blanks, comma, environment) => {
          let next = 0;
          const tokens = ROUTE.replaceAll('~', () => blanks[next++ % blanks.length] ?? '');
          const text = tokens.replaceAll('§', comma ? ',' : '');
          const edited = replaceSecretsInText(text, 'f', [{ from: 'a', to: 'b', environment }]);
          // The text is read anew and compared by replaceSecretsInText itself.
          expect(edited.text).not.toBe(text);
          for (const piece of blanks) {
            const count = (whole: string): number => whole.split(piece.trim()).length;
            if (piece.includes('/')) expect(count(edited.text)).toBe(count(text));
          }
        },
      ),
      { numRuns: 400, seed: 7 },
    );
  });

  it('refuses what is no routes document, with the place', () => {
    const edit = (text: string) => () =>
      replaceSecretsInText(text, 'routes.json', [{ from: 'a', to: 'b', environment: 'staging' }]);
    expect(edit('{"routes":[')).toThrow(expect.objectContaining({ code: 'routes_invalid' }));
    expect(edit('{"routes":[],"routes":[]}')).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ path: 'routes', line: 1, column: 11 })],
      }),
    );
  });
});

/** `~` stands for blanks and comments, `§` for a comma at the end of an object or not. */
const ROUTE =
  '~{~"routes"~:~[~{~"name":~"shop",~"match":~{~"pathPrefix":"/shop"~§~},~"headers"~:~{~"A":"<<secret:a>>"~,~"B":"{{a}}"~§~},' +
  '~"query":{"k":"<<basic:a,c>>"~§},~"body":{~"json":{"/x":"<<base64:a>>"}},' +
  '~"environments":~{~"production":~{~"upstream":"https://a.example"~§~}~,' +
  '~"staging":{"upstream"~:~"https://a.example",~"headers":{~},"body":{"json":{"/y":"1"~§~}~§}~§},' +
  '~"development":{"upstream":"https://a.example",~"query":{"k":"<<secret:a>>"~§}}~§~}~§}~]~§}~';
