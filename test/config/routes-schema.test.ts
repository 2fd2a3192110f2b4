import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parseRoutesText, routesJsonSchema } from '../../src/config/index.js';

const read = (name: string): string =>
  readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const schema = JSON.parse(read('routes.schema.json'));
const example = read('routes.example.json');
const validate = new Ajv({ strict: true, strictRequired: false, allErrors: true }).compile(schema);

describe('routes.schema.json', () => {
  it('is the one that npm run schema writes', () => {
    expect(schema).toEqual(JSON.parse(JSON.stringify(routesJsonSchema())));
  });

  it('describes every property', () => {
    const silent: string[] = [];
    const visit = (node: Record<string, unknown>, path: string): void => {
      for (const [name, property] of Object.entries(node.properties ?? {})) {
        if (property.description === undefined) silent.push(`${path}.${name}`);
        visit(property, `${path}.${name}`);
        if (property.items !== undefined) visit(property.items, `${path}.${name}[]`);
        if (typeof property.additionalProperties === 'object') {
          visit(property.additionalProperties, `${path}.${name}.*`);
        }
      }
    };
    visit(schema, '$');
    expect(silent).toEqual([]);
    expect(schema.properties.routes.items.properties.environments.description).toContain('listed');
  });

  it.each([
    ['{"routes": {}}'],
    ['{"routes": [], "routs": []}'],
    [
      '{"routes": [{"name": "a", "match": {}, "environments": {"production": {"upstream": "https://a.b"}}}]}',
    ],
    ['{"routes": [{"name": "a", "match": {"host": "a.b"}, "environments": {}}]}'],
    [
      '{"routes": [{"name": "a", "match": {"host": "a.b"}, "environments": {"Production": {"upstream": "https://a.b"}}}]}',
    ],
    [
      '{"routes": [{"name": "a b", "match": {"host": "a.b"}, "environments": {"production": {"upstream": "https://a.b"}}}]}',
    ],
    [
      '{"routes": [{"name": "a", "match": {"pathPrefix": "a"}, "environments": {"production": {"upstream": "https://a.b"}}}]}',
    ],
    [
      '{"routes": [{"name": "a", "match": {"host": "a.b"}, "environments": {"production": {"upstream": "a.b"}}}]}',
    ],
    [
      '{"routes": [{"name": "a", "match": {"host": "a.b"}, "echoScrub": "x", "environments": {"production": {"upstream": "https://a.b"}}}]}',
    ],
  ])('refuses what the check refuses: %s', (text) => {
    expect(validate(JSON.parse(text))).toBe(false);
    expect(parseRoutesText(text).problems.length).toBeGreaterThan(0);
  });
});

describe('routes.example.json', () => {
  it('is sound, for an editor and for the server', () => {
    expect(validate(JSON.parse(example)), JSON.stringify(validate.errors)).toBe(true);
    expect(parseRoutesText(example)).toMatchObject({ problems: [], warnings: [] });
  });

  it('uses every option at least once', () => {
    const { properties } = schema.properties.routes.items;
    const environment = properties.environments.additionalProperties.properties;
    const { body, sign } = properties;
    const { hmac, aws } = sign.properties;
    const { bodyHash, timestamp, nonce } = hmac.properties;
    const signing = [sign, hmac, aws, bodyHash, timestamp, nonce];
    const nested = [properties.match, properties.timeouts, properties.tls, body, ...signing];
    const options = [properties, environment, ...nested.map((part) => part.properties)].flatMap(
      (part) => Object.keys(part),
    );
    expect(options.length).toBeGreaterThan(20);
    expect(options.filter((option) => !example.includes(`"${option}":`))).toEqual([]);
  });

  it('uses every form of a template', () => {
    for (const form of [
      /<<secret:\w+>>/,
      /<<secret:\w+@\d+>>/,
      /<<secret:\w+\.\w+>>/,
      /<<basic:\w+,\w+>>/,
      /<<base64:\w+>>/,
    ]) {
      expect(example).toMatch(form);
    }
  });
});
