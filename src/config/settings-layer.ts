import { isAbsolute, join } from 'node:path';
import { nearestName, type Problem, SecretValue } from '../core/index.js';
import { type ParsedSetting, parseSetting } from './parse-setting.js';
import type { SettingRow } from './setting-table.js';

/** Where a problem is, without what it is. */
type Place = Omit<Problem, 'message'>;

/** What one place (the flags, the variables, the config file) says, by name of setting. */
export class SettingsLayer {
  readonly values = new Map<string, ParsedSetting>();
  readonly secrets = new Map<string, SecretValue>();
  readonly problems: Problem[] = [];

  /** Takes a value that is no secret. Names of files are put into `folder`, unless they are absolute. */
  take(row: SettingRow, given: unknown, place: Place, folder = ''): void {
    const parsed = parseSetting(row, given);
    if (!parsed.ok) {
      this.report(place, parsed.message, parsed.nearest);
      return;
    }
    const isName = row.kind === 'file' || row.kind === 'folder';
    const { value } = parsed;
    const moved = isName && folder !== '' && typeof value === 'string' && !isAbsolute(value);
    this.values.set(row.name, moved ? join(folder, value) : value);
  }

  /** An empty secret is a mistake (an unset variable upstream of us), not "none". */
  takeSecret(row: SettingRow, text: string, variable: string): void {
    if (text !== '') this.secrets.set(row.name, SecretValue.fromText(text));
    else this.report({ path: variable }, 'it is empty; leave it out or give a value');
  }

  unknown(
    name: string,
    what: string,
    known: Iterable<string>,
    place: Place = { path: name },
  ): void {
    this.report(place, `not ${what}`, nearestName(name, known));
  }

  report(place: Place, message: string, nearest?: string): void {
    this.problems.push({ ...place, message, ...(nearest === undefined ? {} : { nearest }) });
  }
}
