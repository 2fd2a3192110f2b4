import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RoutesWatcher, watchRoutesFile } from '../../src/config/index.js';
import { AppError } from '../../src/core/index.js';
import { PATIENCE_MS } from '../support/patience.js';

let folder: string;
let watcher: RoutesWatcher | undefined;
let texts: string[];
let errors: unknown[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyferry-watch-'));
  texts = [];
  errors = [];
});

afterEach(async () => {
  await watcher?.close();
  await rm(folder, { recursive: true, force: true });
});

function watch(file: string, onText?: (text: string) => Promise<void>): RoutesWatcher {
  const take = async (text: string): Promise<void> => {
    texts.push(text);
  };
  watcher = watchRoutesFile({
    file: join(folder, file),
    onText: onText ?? take,
    onError: (error) => errors.push(error),
    intervalMs: 10,
  });
  return watcher;
}

/** Writes beside and renames, so that no read falls between emptying and writing. */
async function put(name: string, text: string): Promise<void> {
  await writeFile(join(folder, `${name}.new`), text);
  await rename(join(folder, `${name}.new`), join(folder, name));
}

const eventually = (check: () => void): Promise<void> =>
  vi.waitFor(check, { timeout: PATIENCE_MS, interval: 10 });

describe('a watched routes file', () => {
  it('is handed on at the first reload, and then when its content changes', async () => {
    await put('routes.json', 'one');
    const { reload } = watch('routes.json');
    await reload();
    await reload();
    expect(texts).toEqual(['one']);
    await put('routes.json', 'two, longer');
    await eventually(() => expect(texts).toEqual(['one', 'two, longer']));
    expect(errors).toEqual([]);
  });

  it('is seen when another file takes its place', async () => {
    await put('routes.json', 'one');
    await watch('routes.json').reload();
    await put('next', 'two');
    await rename(join(folder, 'next'), join(folder, 'routes.json'));
    await eventually(() => expect(texts).toEqual(['one', 'two']));
  });

  it('is seen when a symlink is swapped under it', async () => {
    await put('v1.json', 'one');
    await put('v2.json', 'two');
    await symlink('v1.json', join(folder, 'routes.json'));
    await watch('routes.json').reload();
    await symlink('v2.json', join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, 'routes.json'));
    await eventually(() => expect(texts).toEqual(['one', 'two']));
  });

  it('may be missing, and is taken when it comes', async () => {
    const { reload } = watch('routes.json');
    await reload();
    expect(errors).toEqual([expect.any(AppError)]);
    expect(errors[0]).toMatchObject({
      code: 'routes_invalid',
      message: expect.stringMatching(/routes\.json cannot be read \(ENOENT\)/),
    });
    await put('routes.json', 'one');
    await eventually(() => expect(texts).toEqual(['one']));
  });

  it('is offered again on reload when it was not taken', async () => {
    let refuse = true;
    await put('routes.json', 'one');
    const { reload } = watch('routes.json', async (text) => {
      if (refuse) throw new AppError('routes_invalid', 'not yet');
      texts.push(text);
    });
    await reload();
    expect(errors).toHaveLength(1);
    refuse = false;
    await reload();
    await reload();
    expect(texts).toEqual(['one']);
    expect(errors).toHaveLength(1);
  });

  it('is handed on one text at a time', async () => {
    let running = 0;
    let most = 0;
    const { reload } = watch('routes.json', async (text) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      texts.push(text);
      running--;
    });
    for (const text of ['one', 'two', 'three']) {
      await put('routes.json', text);
      await Promise.all([reload(), reload()]);
    }
    expect(texts).toEqual(['one', 'two', 'three']);
    expect(most).toBe(1);
  });

  it('is left alone after close', async () => {
    await put('routes.json', 'one');
    const { reload, close } = watch('routes.json');
    await reload();
    await close();
    await put('routes.json', 'two');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(texts).toEqual(['one']);
  });
});
