import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Hono } from 'hono';
import type { ConsoleEnvironment } from './console-environment.js';

const require = createRequire(import.meta.url);
const own = (name: string): string =>
  join(dirname(require.resolve('keyferry/package.json')), 'assets', name);

const ASSETS = {
  'pico.css': [() => require.resolve('@picocss/pico/css/pico.min.css'), 'text/css'],
  'console.css': [() => own('console.css'), 'text/css'],
  'console.js': [() => own('console.js'), 'text/javascript'],
  'htmx.js': [() => require.resolve('htmx.org/dist/htmx.min.js'), 'text/javascript'],
  'uplot.js': [() => require.resolve('uplot/dist/uPlot.iife.min.js'), 'text/javascript'],
  'uplot.css': [() => require.resolve('uplot/dist/uPlot.min.css'), 'text/css'],
  'charts.js': [() => own('charts.js'), 'text/javascript'],
  'charts.css': [() => own('charts.css'), 'text/css'],
  'icon.svg': [() => own('icon.svg'), 'image/svg+xml'],
} as const satisfies Record<string, readonly [file: () => string, type: string]>;

export type AssetName = keyof typeof ASSETS;

const loaded = new Map<AssetName, { readonly bytes: Uint8Array; readonly version: string }>();

function load(name: AssetName): { readonly bytes: Uint8Array; readonly version: string } {
  const found = loaded.get(name);
  if (found !== undefined) return found;
  const bytes = new Uint8Array(readFileSync(ASSETS[name][0]()));
  const version = createHash('sha256').update(bytes).digest('base64url').slice(0, 12);
  const asset = { bytes, version };
  loaded.set(name, asset);
  return asset;
}

/** Where a page finds an asset. The address changes with the content, so that it can be kept for ever. */
export function assetPath(name: AssetName): string {
  return `/assets/${load(name).version}/${name}`;
}

/** Serves what the pages are made of, all of it from here. */
export function serveAssets(app: Hono<ConsoleEnvironment>): void {
  app.get('/assets/:version/:name', (context) => {
    const name = context.req.param('name');
    if (!Object.hasOwn(ASSETS, name)) return context.notFound();
    const [, type] = ASSETS[name as AssetName];
    context.header('Content-Type', `${type}; charset=utf-8`);
    context.header('Cache-Control', 'public, max-age=31536000, immutable');
    return context.body(new Uint8Array(load(name as AssetName).bytes));
  });
}
