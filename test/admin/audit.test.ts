import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AppError,
  type AuditCheckpoint,
  checkpointText,
  exportText,
} from '../../src/core/index.js';
import { verifySignature } from '../../src/crypto/index.js';
import { TEST_ACTOR as actor } from '../support/open-test-store.js';
import { startAdmin, type TestAdmin } from './start-admin.js';

let admin: TestAdmin;
beforeEach(async () => {
  admin = await startAdmin();
});
afterEach(() => admin.stop());

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const fill = async (rows: number): Promise<void> => {
  const record = () => admin.opened.store.recordAudit({ actor, action: 'test', detail: {} });
  for (let i = 0; i < rows; i++) await record();
};

describe('a checkpoint', () => {
  test('is signed, and the log is checked against it', async () => {
    await fill(3);
    const { status, body } = await admin.call('GET', '/v1/audit/checkpoint');
    expect(status).toBe(200);
    const checkpoint: AuditCheckpoint = body;
    const { signature, publicKey, seq, mac } = checkpoint;
    expect(verifySignature(checkpointText(checkpoint), signature, publicKey)).toBe(true);
    for (const changed of [{ seq: 1 }, { rows: 9 }, { at: '2026-01-01T00:00:00.000Z' }]) {
      const text = checkpointText({ ...checkpoint, ...changed });
      expect(verifySignature(text, signature, publicKey)).toBe(false);
    }
    await fill(1);
    const of = (at: number, as: string) => `/v1/audit/verify?seq=${at}&mac=${as}`;
    expect((await admin.call('GET', of(seq, mac))).body).toEqual({
      ok: true,
      rows: seq + 1,
      checkpoint: 'contained',
    });
    expect((await admin.call('GET', of(seq - 1, mac))).body).toMatchObject({
      ok: false,
      finding: 'checkpoint_differs',
    });
    expect((await admin.call('GET', of(seq + 9, mac))).body).toMatchObject({
      ok: false,
      firstBroken: seq + 2,
      finding: 'checkpoint_missing',
    });
    expect((await admin.call('GET', `/v1/audit/verify?seq=${seq}`)).status).toBe(400);
    expect((await admin.call('GET', of(1, 'short'))).status).toBe(400);
  });

  test('has the same key after a restart', async () => {
    const before = (await admin.call('GET', '/v1/audit/checkpoint')).body.publicKey;
    const again = await admin.opened.reopen();
    expect(again.signer.publicKey).toBe(before);
    await again.store.close();
  });
});

describe('an export', () => {
  test('of everything is every row in order, and a last line that holds them', async () => {
    await fill(2500);
    const { status, headers, text } = await admin.call('GET', '/v1/audit/export');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/jsonl');
    const lines = linesOf(text);
    const { end } = lines.pop();
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
    expect(lines.at(-1)).toMatchObject({ action: 'audit.export', mac: end.checkpoint.mac });
    expect(end).toMatchObject({ rows: lines.length, filters: {} });
    const before = text.slice(0, text.indexOf('{"end":'));
    expect(end.sha256).toBe(createHash('sha256').update(before).digest('base64url'));
    expect(verifySignature(exportText(end), end.signature, admin.opened.signer.publicKey)).toBe(
      true,
    );
    const other = exportText({ ...end, filters: { action: 'x' } });
    expect(verifySignature(other, end.signature, end.checkpoint.publicKey)).toBe(false);
  });

  test('takes the filters of the list, and shows nobody more than that', async () => {
    await admin.opened.store.createEnvironment({ actor, name: 'qa' });
    const viewer = await admin.mint({ role: 'viewer' });
    const scoped = await admin.mint({ role: 'admin', environments: ['staging'] });
    const rowsFor = async (query: string, token?: string) => {
      const { text } = await admin.call('GET', `/v1/audit/export${query}`, token ? { token } : {});
      return linesOf(text);
    };
    const filtered = await rowsFor('?action=environment.');
    expect(filtered).toHaveLength(2);
    expect(filtered[0]).toMatchObject({ action: 'environment.create', environment: 'qa' });
    expect(filtered[1].end.filters).toEqual({ action: 'environment.' });
    const own = await rowsFor('', viewer);
    expect(own.map(({ action }) => action)).toEqual(['audit.export', undefined]);
    expect(own[1].end.filters).toHaveProperty('actor');
    const inScope = await rowsFor('', scoped);
    expect(inScope).toHaveLength(1);
    expect(inScope[0].end.filters).toHaveProperty('seenBy');
    for (const query of ['?order=newest', '?since=yesterday', '?environment=a&environment=b']) {
      expect((await admin.call('GET', `/v1/audit/export${query}`)).status).toBe(400);
    }
    expect((await admin.call('GET', '/v1/audit/export', { token: null })).status).toBe(401);
    const outside = await admin.call('GET', '/v1/audit/export?environment=qa', { token: scoped });
    expect(outside.status).toBe(404);
  });

  test('that breaks off is cut, never ended', async () => {
    await fill(2500);
    const { store } = admin.opened;
    const listAudit = store.listAudit.bind(store);
    let pages = 0;
    store.listAudit = (filter) =>
      ++pages === 3
        ? Promise.reject(new AppError('store_unavailable', 'The disk is gone.'))
        : listAudit(filter);
    const ended = await new Promise<string>((resolve, reject) => {
      const headers = { authorization: `Bearer ${admin.rootToken}` };
      const call = request(`${admin.origin}/v1/audit/export`, { headers }, (response) => {
        let bytes = 0;
        response.on('data', (piece: Buffer) => {
          bytes += piece.byteLength;
        });
        response.on('end', () => resolve('ended as if it were whole'));
        response.on('error', (error: { code?: string }) =>
          resolve(bytes > 0 ? String(error.code) : 'nothing came'),
        );
      });
      call.on('error', reject);
      call.end();
    });
    expect(ended).toBe('ECONNRESET');
    expect(admin.logged).toHaveLength(1);
  });
});
