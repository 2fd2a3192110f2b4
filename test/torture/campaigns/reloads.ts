import {
  addRevisionSecrets,
  revisionRoute,
  startRevisionLoad,
  startRevisionUpstream,
} from '../../support/revision-load.js';
import { startKeyferry } from '../../support/start-keyferry.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

/** Documents are put under load: no request fails, or mixes the routes and secrets of two revisions. */
export const campaign: Campaign = {
  name: 'reloads',
  threat: 'restart, reload',
  target: 1_000,
  unit: 'documents put under load',
  slice: 1_000,
  run,
};

async function run({ count, signal }: Slice): Promise<SliceOutcome> {
  const origin = await startRevisionUpstream();
  const keyferry = await startKeyferry();
  await addRevisionSecrets(keyferry);
  await keyferry.routes([revisionRoute(origin, 0)]);
  const token = await keyferry.client('production');
  let applied = 0;
  const load = startRevisionLoad(keyferry.proxyUrl, token, () => applied);
  while (applied < count && signal?.aborted !== true) {
    await keyferry.routes([revisionRoute(origin, applied + 1)]);
    applied++;
    if (applied % 20 === 0) await load.seen(applied);
  }
  const { failures } = await load.stop();
  return { done: applied, findings: failures };
}
