import { expect, test } from 'vitest';
import { AppError, SecretValue } from '../../src/core/index.js';
import { parseOtlpHeaders } from '../../src/telemetry/otlp-headers.js';

const parse = (text: string) => parseOtlpHeaders(SecretValue.fromText(text));

test('several, with blanks around and percent-encoded values', () => {
  expect(parse('Authorization=Basic%20dXNlcjpwYXNz, x-scope = a%2Cb,X-Plain=a=b')).toEqual({
    authorization: 'Basic dXNlcjpwYXNz',
    'x-scope': 'a,b',
    'x-plain': 'a=b',
  });
  expect(Object.entries(parse('__proto__=x'))).toEqual([['__proto__', 'x']]);
});

test.each([
  ['s3cr3t-value', 1],
  ['a=1,s3cr3t-value', 2],
  ['a=1,', 2],
  ['=s3cr3t', 1],
  ['a b=s3cr3t', 1],
  ['a=s3cr3t%', 1],
  ['a=s3cr3t%0d%0ab:c', 1],
  ['a=s3cr3t%c3%a9', 1],
  ['a=', 1],
  ['a=1,A=s3cr3t', 2],
  ['Host=s3cr3t', 1],
  ['content-length=5', 1],
  ['Transfer-Encoding=chunked', 1],
])('%j is refused, by the number of its entry alone', (text, entry) => {
  const refused = (() => {
    try {
      return parse(text);
    } catch (error) {
      return error;
    }
  })();
  expect(refused).toBeInstanceOf(AppError);
  expect(refused).toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching(`^KEYFERRY_OTLP_HEADERS: entry ${entry}: `),
  });
  expect(String(refused)).not.toContain('s3cr3t');
});
