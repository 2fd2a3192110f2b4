import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/core/index.js';
import { fieldsOf, textOf, valueOfFields } from '../../src/rotation/index.js';

describe('the text of a value', () => {
  it('is what was put in', () => {
    expect(textOf(SecretValue.fromText('pässword'))).toBe('pässword');
  });

  it('has the fields that were put in, in one order', () => {
    const value = valueOfFields({ username: 'app_a', password: 'x' });
    expect(textOf(value)).toBe('{"password":"x","username":"app_a"}');
    expect(fieldsOf(value)).toEqual({ username: 'app_a', password: 'x' });
  });

  it.each(['plain', '[]', '["a"]', 'null', '{"a":1}', '"text"', ''])('%j has no fields', (text) => {
    expect(fieldsOf(SecretValue.fromText(text))).toBeUndefined();
  });
});
