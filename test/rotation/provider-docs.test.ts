import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PROVIDER_IDS, type ProviderId } from '../../src/core/index.js';
import { createProviders } from '../../src/rotation/index.js';

const PROVIDERS = createProviders({ commandFolder: '/etc/keyferry/commands' });
const folder = fileURLToPath(new URL('../../docs/providers/', import.meta.url));

const pages = readdirSync(folder)
  .map((file) => ({ id: basename(file, '.md'), text: readFileSync(`${folder}${file}`, 'utf8') }))
  .filter(({ id }) => (PROVIDER_IDS as readonly string[]).includes(id));

describe('the page of each provider', () => {
  it.each(pages)('$id shows configs that it takes', ({ id, text }) => {
    const configs = [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
    expect(configs.length).toBeGreaterThan(0);
    for (const config of configs) {
      const { error } =
        PROVIDERS.get(id as ProviderId)?.config.safeParse(JSON.parse(config ?? '')) ?? {};
      expect({ config, problems: error?.issues ?? [] }).toEqual({ config, problems: [] });
    }
  });

  it.each(pages)('$id is listed in the index', ({ id }) => {
    expect(readFileSync(`${folder}README.md`, 'utf8')).toContain(`[${id}](${id}.md)`);
  });
});
