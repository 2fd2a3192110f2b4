import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEnvFile } from '../../src/import/index.js';
import { readEntries } from '../support/read-entries.js';

describe('readEnvFile', () => {
  it.each([
    ['A=1', '1'],
    ['export A=1', '1'],
    ['  A = 1  ', '1'],
    ['A: 1', '1'],
    ['A=a=b', 'a=b'],
    ['A=a b # comment', 'a b'],
    ["A='a # b'", 'a # b'],
    ['A="a\\nb"', 'a\nb'],
    ["A='a\\nb'", 'a\\nb'],
    ['A="a\nb" # comment', 'a\nb'],
    ['A="a\r\nb"', 'a\nb'],
    ['A=`"\'`', '"\''],
    ['A="a\\"b"', 'a\\"b'],
    ['\uFEFFA=1', '1'],
    ['A=$B', '$B'],
    ['A=1\nA=2', '2'],
  ])('%j', (text, value) => {
    const source = readEnvFile(text);
    expect(source.problems).toEqual([]);
    expect(readEntries(source)).toEqual({ A: value });
  });

  it('takes a file of 50,000 lines, and counts them', () => {
    const lines = Array.from({ length: 50_000 }, (_, index) => `KEY_${index}="a\nb"`);
    const source = readEnvFile([...lines, 'no assignment'].join('\n'));
    expect(source.entries).toHaveLength(50_000);
    expect(source.problems.map(({ path }) => path)).toEqual(['line 100001']);
  });

  it('names what it cannot read by its line, and never a value', () => {
    const text = [
      'OK=1',
      'canary-line',
      'B="canary',
      'C="canary" canary',
      '# all is well',
      "D='canary",
    ];
    const source = readEnvFile(text.join('\n'));
    expect(source.problems).toEqual([
      { path: 'line 2', message: 'is no assignment NAME=value and no comment' },
      { path: 'line 3', message: 'goes on after the " that ends the value' },
      { path: 'line 6', message: "begins with ', and no ' ends it" },
    ]);
    expect(JSON.stringify(source.problems)).not.toContain('canary');
  });

  it('says what it leaves out, and what it cuts as dotenv does', () => {
    const source = readEnvFile('EMPTY=\nA=one#two\nB=1\nB=2');
    expect(source.notices.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'line 1 EMPTY is empty: it is left out',
      'line 2 is cut at its "#", as dotenv does; quote the value if it belongs to it',
      'line 4 B stands here again: this one counts',
    ]);
    expect(readEntries(source)).toEqual({ A: 'one', B: '2' });
  });

  it('reads what Node reads, where both take it', () => {
    const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,6}$/);
    const line = fc.oneof(
      fc.tuple(name, fc.stringMatching(/^[a-z0-9=:/ +.$-]{1,12}$/)).map(([n, v]) => `${n}=${v}`),
      fc.tuple(name, fc.stringMatching(/^[a-z0-9# '\n$-]{1,12}$/)).map(([n, v]) => `${n}="${v}"`),
      fc.tuple(name, fc.stringMatching(/^[a-z0-9# "\n$-]{1,12}$/)).map(([n, v]) => `${n}='${v}'`),
      fc.constant('# comment'),
      fc.constant(''),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const text = lines.join('\n');
        const source = readEnvFile(text);
        fc.pre(source.problems.length === 0);
        const byNode = Object.entries(parseEnv(text)).filter(([, value]) => value !== '');
        // Of a name that is there twice, Node keeps an empty one.
        fc.pre(source.notices.length === 0);
        expect(readEntries(source)).toEqual(Object.fromEntries(byNode));
      }),
      { numRuns: 500 },
    );
  });
});
