import { expect, test } from 'vitest';
import { findFamilies } from '../../src/cli/find-families.js';

const ENVIRONMENTS = ['development', 'staging', 'production', 'pre-prod', 'qa'];

const found = (names: readonly string[], environments: readonly string[] = ENVIRONMENTS) =>
  Object.fromEntries(
    findFamilies(names, environments).map(({ name, members }) => [
      name,
      members.map(({ secret, environment }) => `${secret} ${environment}`),
    ]),
  );

test.each([
  [['stripe_production_api_key', 'stripe_staging_api_key'], 'stripe_api_key'],
  [['stripe-api-key-prod', 'stripe-api-key-stg', 'stripe-api-key-dev'], 'stripe-api-key'],
  [['PROD_STRIPE', 'STAGE_STRIPE'], 'STRIPE'],
  [['db_live-password', 'db_qa-password'], 'db-password'],
])('%j become %s', (names, name) => {
  expect(Object.keys(found(names))).toEqual([name]);
});

test('the environment is the declared one that the word means', () => {
  expect(found(['a_prd', 'a_stag', 'a_DEV', 'a_qa', 'a_pre_prod', 'a_pre-prod'])).toEqual({
    a: [
      'a_prd production',
      'a_stag staging',
      'a_DEV development',
      'a_qa qa',
      'a_pre_prod pre-prod',
      'a_pre-prod pre-prod',
    ],
  });
  // `prod` is declared, so it is what it says; `prd` would be either.
  expect(found(['a_prod', 'a_production', 'a_prd'], ['prod', 'production'])).toEqual({
    a: ['a_prod prod', 'a_production production'],
  });
});

test.each([
  ['names without an environment', ['stripe_api_key', 'stripe_api_key_2', 'product_key']],
  ['one alone', ['stripe_production_api_key', 'stripe_api_key']],
  ['two of one environment', ['a_prod_key', 'a_production_key']],
  ['the environment at another place', ['a_prod_b', 'a_b_staging']],
  ['other separators', ['a_prod_b_c', 'a_staging_b-c']],
  ['what would leave no name', ['production', 'staging']],
  ['what would begin with a digit', ['prod_1password', 'staging_1password']],
])('are no family: %s', (_, names) => {
  expect(found(names)).toEqual({});
});

test('a name that fits two families is in both', () => {
  expect(found(['prod_dev_key', 'staging_dev_key', 'prod_staging_key'])).toEqual({
    dev_key: ['prod_dev_key production', 'staging_dev_key staging'],
    prod_key: ['prod_dev_key development', 'prod_staging_key staging'],
  });
});
