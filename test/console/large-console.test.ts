import { expect, test } from 'vitest';
import { visitLargeConsole } from '../torture/visit-large-console.js';

test('every page of the console answers on a filled database, in every order and with every filter', async () => {
  const once = { answerMs: 30_000, visits: 1 };
  const { findings, figures } = await visitLargeConsole({ seed: 1, count: 250 }, once);
  expect(findings).toEqual([]);
  const pages = [...figures.keys()];
  expect(pages).toContain('/secrets?sort=nextRotation, page 2');
  expect(pages).toContain('/audit?action=version., page 2');
});
