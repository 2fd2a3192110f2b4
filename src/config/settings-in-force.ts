import { formatListenAddress, type SettingInForce } from '../core/index.js';
import type { ParsedSetting } from './parse-setting.js';
import { SETTINGS, type SettingRow } from './setting-table.js';
import type { SettingsLayer } from './settings-layer.js';

/** What says a setting, the first that does decides. */
export interface SettingsLayers {
  readonly flags: SettingsLayer;
  readonly variables: SettingsLayer;
  /** Undefined where none is named. */
  readonly configFile: SettingsLayer | undefined;
}

/** Every setting of the server as it is, and what said so. Of a secret only whether it is given. */
export function settingsInForce({
  flags,
  variables,
  configFile,
}: SettingsLayers): readonly SettingInForce[] {
  const sources = [
    ['flag', flags],
    ['variable', variables],
    ['config_file', configFile],
  ] as const;
  const rows: readonly SettingRow[] = SETTINGS.filter(({ readBy }) => readBy === 'server');
  return rows.map(({ name, secret = false, description, ...row }) => {
    const found = sources.find(
      ([, layer]) => layer?.values.has(name) === true || layer?.secrets.has(name) === true,
    );
    const value = found?.[1]?.values.get(name);
    return {
      name,
      description,
      source: found?.[0] ?? 'default',
      secret,
      isGiven: found !== undefined,
      value: secret ? null : value === undefined ? (row.default ?? null) : textOf(value),
    };
  });
}

function textOf(value: ParsedSetting): string {
  if (typeof value !== 'object') return String(value);
  return 'host' in value || 'fd' in value || 'port' in value
    ? formatListenAddress(value as Parameters<typeof formatListenAddress>[0])
    : (value as readonly string[]).join(', ');
}
