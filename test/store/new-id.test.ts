import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createIdMaker } from '../../src/store/sqlite/new-id.js';

test('ids are UUIDs of version 7 that sort in the order they were made, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 47 }), { minLength: 1 }), (times) => {
      let nowMs = 0;
      const newId = createIdMaker(() => nowMs);
      const ids = times.flatMap((time) => {
        nowMs = time;
        return [newId(), newId()];
      });
      expect(ids.toSorted()).toEqual(ids);
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) {
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }
    }),
  );
});

test('ids begin with the time they were made, and go on after more than fit into one millisecond', () => {
  const newId = createIdMaker(() => 0x0193a1b2c3d4);
  const ids = Array.from({ length: 5_000 }, newId);
  expect(ids[0]).toMatch(/^0193a1b2-c3d4-7000-/);
  expect(ids.toSorted()).toEqual(ids);
});
