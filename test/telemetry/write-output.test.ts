import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { OutputWriter } from '../../src/telemetry/write-output.js';
import { PATIENCE_MS } from '../support/patience.js';

test('pieces are written whole and in order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-output-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'log');
  const fd = openSync(file, 'w');
  const writer = new OutputWriter(fd);
  let expected = '';
  for (let line = 0; line < 1000; line++) {
    const text = `${line} ${'x'.repeat(line)}\n`;
    writer.write(Buffer.from(text));
    expected += text;
  }
  writer.close();
  await vi.waitUntil(() => readFileSync(file, 'utf8').length === expected.length, PATIENCE_MS);
  closeSync(fd);
  expect(readFileSync(file, 'utf8')).toBe(expected);
});

test('what a full device does not take is lost, and the next is tried', async () => {
  const fd = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(fd));
  const writer = new OutputWriter(fd);
  for (let line = 0; line < 10; line++) writer.write(Buffer.alloc(1000));
  await new Promise((resolve) => setTimeout(resolve, 50));
  writer.write(Buffer.alloc(1000));
  writer.close();
});
