import type { OpenAPIHono } from '@hono/zod-openapi';
import { addEvents } from './add-events.js';
import type { AdminEnvironment } from './admin-environment.js';
import type { Authenticate } from './authenticate.js';
import { CutoverPath } from './cutovers.js';
import type { AdminDependencies } from './dependencies.js';
import { type EventStreams, LAST_EVENT_ID } from './event-streams.js';
import { requireVisible, seesCutover } from './find-cutover.js';
import { CutoverWithFiguresSchema, showWithFigures } from './show-cutover.js';

/** `GET /v1/cutovers/{id}/events`: the cutover at once, and again whenever something about it changes. */
export function addCutoverEvents(
  app: OpenAPIHono<AdminEnvironment>,
  { store, clock }: AdminDependencies,
  parts: { readonly authenticate: Authenticate; readonly streams: EventStreams },
): void {
  addEvents(app, parts, {
    noun: 'cutovers',
    one: 'cutover',
    params: CutoverPath,
    schema: CutoverWithFiguresSchema,
    async require(admin, id) {
      requireVisible(admin, await store.getCutover(id));
    },
    async lookAt(id) {
      const cutover = await store.getCutover(id);
      if (cutover === undefined) return undefined;
      const observations = await store.observationsOf(id);
      const isLast = cutover.endedAtMs !== null;
      const event = {
        id: isLast ? LAST_EVENT_ID : `${cutover.state}-${cutover.step}`,
        data: JSON.stringify(showWithFigures(cutover, observations, clock.now())),
        isLast,
      };
      return (admin) => (seesCutover(admin, cutover) ? event : undefined);
    },
  });
}
