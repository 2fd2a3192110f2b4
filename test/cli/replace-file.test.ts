import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { replaceFile } from '../../src/cli/replace-file.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'keyferry-file-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('takes the place of the file, with its mode, and leaves nothing beside it', async () => {
  const here = folder();
  const file = join(here, 'routes.json');
  writeFileSync(file, 'old');
  chmodSync(file, 0o640);
  const { ino } = statSync(file);
  await replaceFile(file, 'old', 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(statSync(file).mode & 0o7777).toBe(0o640);
  // Replaced as a whole: a reader has one text or the other.
  expect(statSync(file).ino).not.toBe(ino);
  expect(readdirSync(here)).toEqual(['routes.json']);
});

test('follows a symlink, which stays', async () => {
  const here = folder();
  mkdirSync(join(here, 'real'));
  writeFileSync(join(here, 'real', 'routes.json'), 'old');
  symlinkSync('real/routes.json', join(here, 'routes.json'));
  await replaceFile(join(here, 'routes.json'), 'old', 'new');
  expect(readlinkSync(join(here, 'routes.json'))).toBe('real/routes.json');
  expect(readFileSync(join(here, 'real', 'routes.json'), 'utf8')).toBe('new');
});

test('writes nothing over what somebody else wrote, and nothing where it cannot', async () => {
  const here = folder();
  const file = join(here, 'routes.json');
  writeFileSync(file, 'theirs');
  await expect(replaceFile(file, 'old', 'new')).rejects.toThrow('was changed meanwhile');
  expect(readFileSync(file, 'utf8')).toBe('theirs');
  await expect(replaceFile(join(here, 'none'), 'old', 'new')).rejects.toThrow('ENOENT');
  expect(readdirSync(here)).toEqual(['routes.json']);
});
