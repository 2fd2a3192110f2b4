import { expect, test } from 'vitest';
import { ALL_STAND_INS } from '../support/all-stand-ins.js';
import { killRotations } from '../support/rotation-kills.js';
import { seededRandom } from '../support/seeded-random.js';

/** One for each way to find out what became of a minting; the campaign `rotation-kills` has all of them. */
const ONE_OF_EACH = ['aws_operator', 'stripe_api', 'custom_signed', 'oauth2_refresh'];

test.each(ONE_OF_EACH)(
  'the engine is killed in a run of %s: no key is lost, none of others touched',
  async (name) => {
    const entry = ALL_STAND_INS.find((one) => one.name === name);
    if (entry === undefined) throw new Error(`there is no stand-in ${name}`);
    const random = seededRandom(20_261_121);
    const report = await killRotations(entry, 1, random);
    expect(report?.findings).toEqual([]);
    expect(report?.kills).toBeGreaterThan(0);
  },
);
