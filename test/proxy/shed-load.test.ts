import { expect, test } from 'vitest';
import { LoadShedder } from '../../src/proxy/shed-load.js';

test('one late turn sheds nothing; turns that go on being late shed what is beyond the delay', () => {
  const shedder = new LoadShedder(500, 0);
  shedder.look(50);
  // A pause of ten seconds: what waited is served.
  expect(shedder.refuses(10_000)).toBe(false);
  shedder.look(10_050);
  shedder.look(10_100);
  expect(shedder.shedding).toBe(false);
  for (const nowMs of [10_800, 11_500, 12_200]) {
    shedder.look(nowMs);
    expect(shedder.shedding).toBe(nowMs - 10_100 >= 2000);
  }
  // The next turn takes what comes within the delay, and refuses the rest.
  expect(shedder.refuses(12_300)).toBe(false);
  expect(shedder.refuses(12_750)).toBe(false);
  expect(shedder.refuses(12_751)).toBe(true);
  shedder.look(12_800);
  expect(shedder.shedding).toBe(true);
  shedder.look(12_900);
  expect(shedder.shedding).toBe(false);
  expect(shedder.refuses(99_999)).toBe(false);
});

test('a shedder without a delay never sheds', () => {
  const shedder = new LoadShedder(0, 0);
  shedder.start();
  expect(shedder.refuses(1_000_000)).toBe(false);
  shedder.close();
});
