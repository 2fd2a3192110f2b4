import { describe, expect, it } from 'vitest';
import { readJsonFile } from '../../src/import/index.js';
import { readEntries } from '../support/read-entries.js';

describe('readJsonFile', () => {
  it('reads values and fields by name', () => {
    const text = '{"a": "1", "b": {"id": "x", "port": 5432}, "c": true}';
    expect(readEntries(readJsonFile(text, false))).toEqual({
      a: '1',
      b: { id: 'x', port: '5432' },
      c: 'true',
    });
  });

  it('reads values by name and environment', () => {
    const text = '{"a": {"production": "1", "staging": {"id": "x"}}}';
    expect(readEntries(readJsonFile(text, true))).toEqual({
      'a production': '1',
      'a staging': { id: 'x' },
    });
  });

  it.each([
    ['{"a": "canary"', false, 'the file', 'is not JSON'],
    ['["canary"]', false, 'the file', 'is not an object'],
    ['{"a": ["canary"]}', false, 'a', 'is no text'],
    ['{"a": ""}', false, 'a', 'is no text'],
    ['{"a": null}', false, 'a', 'is no text'],
    ['{"a": {"b": {"c": "canary"}}}', false, 'a', 'is no text'],
    ['{"a": {}}', false, 'a', 'is no text'],
    ['{"a": "canary"}', true, 'a', 'is no object'],
    ['{"a": {"production": []}}', true, 'a.production', 'is no text'],
  ])('%s (by environment: %s) is wrong at %s', (text, byEnvironment, path, message) => {
    const { problems, entries } = readJsonFile(text, byEnvironment);
    expect(problems).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect(entries).toEqual([]);
    expect(JSON.stringify(problems)).not.toContain('canary');
  });
});
