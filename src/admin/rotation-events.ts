import type { OpenAPIHono } from '@hono/zod-openapi';
import { isRunEnded } from '../core/index.js';
import { addEvents } from './add-events.js';
import type { AdminEnvironment } from './admin-environment.js';
import type { Authenticate } from './authenticate.js';
import type { AdminDependencies } from './dependencies.js';
import { type EventStreams, LAST_EVENT_ID } from './event-streams.js';
import { requireVisibleRotation, seesRotation } from './find-rotation.js';
import { lookAtRotation } from './rotation-detail.js';
import { RotationPath } from './rotations.js';
import { RotationDetailSchema } from './show-rotation.js';

/** `GET /v1/rotations/{id}/events`: the rotation at once, and whenever something changes until its run has ended. */
export function addRotationEvents(
  app: OpenAPIHono<AdminEnvironment>,
  dependencies: AdminDependencies,
  parts: { readonly authenticate: Authenticate; readonly streams: EventStreams },
): void {
  const { store } = dependencies;
  addEvents(app, parts, {
    noun: 'rotations',
    one: 'rotation',
    params: RotationPath,
    schema: RotationDetailSchema,
    async require(admin, id) {
      requireVisibleRotation(admin, await store.getRotation(id));
    },
    async lookAt(id) {
      const rotation = await store.getRotation(id);
      if (rotation === undefined) return undefined;
      const { run } = rotation;
      const isLast = run === null || isRunEnded(run.state);
      const detailFor = await lookAtRotation(dependencies, rotation);
      return (admin) => {
        if (!seesRotation(admin, rotation)) return undefined;
        const eventId = isLast ? LAST_EVENT_ID : `${run.id}-${run.state}`;
        return { id: eventId, data: JSON.stringify(detailFor(admin)), isLast };
      };
    },
  });
}
