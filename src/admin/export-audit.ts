import { createHash } from 'node:crypto';
import { type OpenAPIHono, z } from '@hono/zod-openapi';
import {
  AppError,
  type AuditExportEnd,
  type AuditFilter,
  exportText,
  signCheckpoint,
} from '../core/index.js';
import { actorOf } from './actor.js';
import type { AdminEnvironment } from './admin-environment.js';
import { showRow } from './audit.js';
import { auditFilterFor, auditFilterParameters } from './audit-filter.js';
import type { Authenticate } from './authenticate.js';
import type { AdminDependencies } from './dependencies.js';
import { checkInput } from './operation.js';
import { problemResponses } from './problem-schema.js';
import { isScoped } from './scope.js';
import { queryOf } from './serve-operation.js';
import { resume, streamAnswer } from './stream-answer.js';
import { toTimestamp } from './wire-time.js';

const PATH = '/v1/audit/export';
const PAGE_ROWS = 1000;

const Query = z.strictObject(auditFilterParameters);

/** `GET /v1/audit/export` streams rows as JSON Lines; its last line says that it is whole, signed. */
export function addAuditExport(
  app: OpenAPIHono<AdminEnvironment>,
  dependencies: AdminDependencies,
  authenticate: Authenticate,
): void {
  app.get(PATH, async (context) => {
    const caller = await authenticate(context);
    const { admin } = caller;
    const query = checkInput(Query, queryOf(context), 'query');
    const filter = auditFilterFor(admin, query);
    const filters: Record<string, string> = {};
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) filters[name] = value;
    }
    // What is left out for who asks is told as well: such an export is not the whole log either.
    if (admin.role !== 'admin') filters.actor = admin.name;
    if (isScoped(admin)) filters.seenBy = admin.name;
    const actor = actorOf(caller);
    await dependencies.store.recordAudit({ actor, action: 'audit.export', detail: filters });
    const lines = exportLines(filter, filters, dependencies);
    const first = await lines.next();
    const at = toTimestamp(dependencies.clock.now()).replaceAll(/[:.]/g, '-');
    const about = { type: 'application/jsonl', name: `keyferry-audit-${at}.jsonl` };
    return streamAnswer(context, about, resume(first, lines), dependencies);
  });
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: PATH,
    tags: ['audit'],
    operationId: 'getAuditExport',
    summary: 'Export the audit log as JSON Lines, oldest first',
    description:
      'Each line is a row, with the id of the key and the mac that hold it. The last line, `{"end": …}`, has the number of rows, their SHA-256, a checkpoint of the log as it was at the beginning, and a signature over all of it: an export without it was cut. Sees the rows that `/v1/audit` would list.\n\nRole: `viewer`.',
    security: [{ adminToken: [] }],
    request: { query: Query },
    responses: {
      200: {
        description: 'The rows; whole only when the last line is there',
        content: { 'application/jsonl': { schema: { type: 'string' } } },
      },
      ...problemResponses([
        'invalid_request',
        'unauthenticated',
        'forbidden',
        'not_found',
        'rate_limited',
        'internal_error',
        'store_unavailable',
      ]),
    },
  });
}

/** A page of lines at a time, and no more than one of them in memory. */
async function* exportLines(
  filter: AuditFilter,
  filters: Readonly<Record<string, string>>,
  { store, clock, signer }: AdminDependencies,
): AsyncGenerator<string, void, undefined> {
  const position = await store.auditPosition();
  const checkpoint = signCheckpoint(position, store.databaseId, clock.now(), signer);
  const digest = createHash('sha256');
  const isWhole = Object.keys(filters).length === 0;
  let rows = 0;
  let cursor: string | undefined;
  do {
    const page = await store.listAudit({
      ...filter,
      order: 'oldest',
      throughSeq: position.seq,
      limit: PAGE_ROWS,
      cursor,
    });
    let text = '';
    for (const row of page.items) {
      const { id: _, ...shown } = showRow(row);
      text += `${JSON.stringify({ ...shown, keyId: row.keyId, mac: row.mac })}\n`;
    }
    rows += page.items.length;
    cursor = page.nextCursor ?? undefined;
    if (text !== '') {
      digest.update(text, 'utf8');
      yield text;
    }
  } while (cursor !== undefined);
  if (isWhole && rows !== position.rows) {
    throw new AppError('conflict', 'Rows of the audit log went while it was exported. Try again.');
  }
  const end = { rows, filters, sha256: digest.digest('base64url'), checkpoint };
  const signature = signer.sign(exportText(end));
  yield `${JSON.stringify({ end: { ...end, signature } satisfies AuditExportEnd })}\n`;
}
