import { expect, test } from 'vitest';
import { answerOf, startDelayedUpstream, startFlood } from '../support/start-flood.js';

/** What must be left of the best that there is without overload (threats). */
const GOODPUT = 0.9;

test('twice what an upstream takes: what it takes is still served, the rest is told so at once', async () => {
  const atOnce = 40;
  const answerMs = 200;
  const upstream = await startDelayedUpstream(answerOf('ok'), answerMs);
  const limits = { concurrentRequests: atOnce };
  const { server, flood } = await startFlood(upstream, 400, [], { limits });
  // In turns, so that what else the machine does weighs on both.
  let [best, loaded, limitedAnswers] = [0, 0, 0];
  for (let round = 0; round < 3; round++) {
    const calm = await flood.closedLoop(atOnce, 1200);
    expect(Object.keys(calm.answers)).toEqual(['200']);
    best += calm.okMs.length / calm.seconds;
    const storm = await flood.openLoop((calm.okMs.length / calm.seconds) * 2, 1200);
    expect(storm.lost).toBe(0);
    expect(Object.keys(storm.answers)).toEqual(['200', '429']);
    loaded += storm.okMs.length / storm.seconds;
    limitedAnswers += storm.answers[429] ?? 0;
  }
  expect(loaded).toBeGreaterThanOrEqual(best * GOODPUT);
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const limited = 'keyferry_requests_limited_total{scope="route",limit="concurrency"}';
  const count = Number(metrics.slice(metrics.indexOf(limited) + limited.length).split('\n')[0]);
  expect(count).toBe(limitedAnswers);
});
