import {
  revisionRoute,
  routesText,
  startOnRoutesFile,
  startRevisionLoad,
  startRevisionUpstream,
} from '../../support/revision-load.js';
import type { Campaign, Slice, SliceOutcome } from '../campaign.js';

/** A routes file is replaced under load: no request fails, or mixes the routes and secrets of two revisions. */
export const campaign: Campaign = {
  name: 'file-reloads',
  threat: 'restart, reload',
  target: 1_000,
  unit: 'routes files put under load',
  slice: 1_000,
  run,
};

async function run({ count, signal }: Slice): Promise<SliceOutcome> {
  const origin = await startRevisionUpstream();
  const { server, token, put } = await startOnRoutesFile(origin);
  const load = startRevisionLoad(server.proxyUrl, token, () => 1);
  let done = 0;
  while (done < count && signal?.aborted !== true) {
    const revision = done + 2;
    put(routesText([revisionRoute(origin, revision)]));
    // Every tenth is left to be seen by the watcher alone.
    if (revision % 10 !== 0) server.child.kill('SIGHUP');
    await load.seen(revision);
    done++;
  }
  const { failures } = await load.stop();
  const findings = [...failures];
  const { revision } = await server.admin<{ revision: number }>('GET', '/v1/routes');
  if (revision !== done + 1) findings.push(`revision ${revision} after ${done + 1} files`);
  const { exitCode } = await server.stop();
  if (exitCode !== 0) findings.push(`the server ended with ${exitCode}`);
  return { done, findings };
}
