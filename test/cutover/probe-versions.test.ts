import { expect, test } from 'vitest';
import type { ProbeAnswer, ProbeRequest } from '../../src/core/index.js';
import { probeVersions } from '../../src/cutover/probe-versions.js';
import { cutoverOf } from './situation.js';

function answer(status: number, more: Partial<ProbeAnswer> = {}): ProbeAnswer {
  const outcome =
    status === 401 ? 'refused' : status >= 500 || status === 0 ? 'failed' : 'accepted';
  return {
    status,
    code: undefined,
    detail: undefined,
    outcome,
    injected: [],
    durationMs: 1,
    ...more,
  };
}

async function probed(after: ProbeAnswer, before: ProbeAnswer, expectedStatus?: number) {
  const asked: ProbeRequest[] = [];
  const prober = {
    async probe(request: ProbeRequest) {
      asked.push(request);
      return request.with?.version === 2 ? after : before;
    },
  };
  const probe = { route: 'api', method: 'GET', path: '/me', expectedStatus };
  const result = await probeVersions(cutoverOf(), probe, prober);
  return { asked, ...result };
}

test('sends the probe with both versions', async () => {
  const { asked, finding } = await probed(answer(200), answer(200));
  const request = { route: 'api', environment: 'production', method: 'GET', path: '/me' };
  expect(asked).toEqual([
    { ...request, with: { secret: 'key', version: 2, toSecret: null } },
    { ...request, with: { secret: 'key', version: 1, toSecret: null } },
  ]);
  expect(finding).toEqual({ finding: 'accepted', route: 'api', status: 200 });
});

const COUNTS = { accepted: 0, refused: 0, failed: 0, pairedRefusals: 0, sharedRefusals: 0 };
const ACCEPTED = { ...COUNTS, accepted: 1 };
const PAIRED = { ...COUNTS, refused: 1, pairedRefusals: 1 };
const SHARED = { ...COUNTS, refused: 1, sharedRefusals: 1 };
const FAILED = { ...COUNTS, failed: 1 };
const UNPAIRED = { ...COUNTS, refused: 1 };

test.each([
  [200, 200, undefined, 'accepted', ACCEPTED, ACCEPTED],
  [401, 200, undefined, 'refused', PAIRED, ACCEPTED],
  [403, 200, undefined, 'refused', PAIRED, ACCEPTED],
  [404, 200, undefined, 'refused', PAIRED, ACCEPTED],
  [401, 401, undefined, 'unclear', SHARED, SHARED],
  [404, 404, undefined, 'unclear', SHARED, SHARED],
  [200, 401, undefined, 'accepted', ACCEPTED, PAIRED],
  [401, 503, undefined, 'unclear', UNPAIRED, FAILED],
  [500, 200, undefined, 'unclear', FAILED, ACCEPTED],
  [0, 200, undefined, 'unclear', FAILED, ACCEPTED],
  [429, 200, undefined, 'unclear', FAILED, ACCEPTED],
  [404, 404, 404, 'accepted', ACCEPTED, ACCEPTED],
  [200, 204, 204, 'unclear', FAILED, ACCEPTED],
  [403, 204, 204, 'refused', PAIRED, ACCEPTED],
] as const)(
  '%d with the new version and %d with the old one (expected: %s): %s',
  async (after, before, expectedStatus, finding, afterCounts, beforeCounts) => {
    const result = await probed(answer(after), answer(before), expectedStatus);
    expect(result.finding.finding).toBe(finding);
    const names = { cutoverId: 'cutover-1', step: 0, route: 'api', clientId: 'probe' };
    expect(result.deltas).toEqual([
      { ...names, side: 'new', ...afterCounts },
      { ...names, side: 'old', ...beforeCounts },
    ]);
  },
);

test('what Keyferry itself held back says nothing', async () => {
  const heldBack = answer(0, { code: 'overloaded' });
  const { finding, deltas } = await probed(heldBack, answer(200));
  expect(finding.finding).toBe('unclear');
  expect(deltas).toEqual([]);
});
