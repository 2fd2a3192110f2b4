import { dirname } from 'node:path';
import { printPath, shapeOf } from './finding.js';
import { readJsonDocument } from './read-json-document.js';
import { type ReadFile, readText } from './read-text.js';
import { SETTINGS, type SettingRow } from './setting-table.js';
import { SettingsLayer } from './settings-layer.js';
import { unknownVariables } from './unknown-variables.js';

const ROWS: readonly SettingRow[] = SETTINGS;

/** Flags by their own spelling, `{'--data-dir': 'data'}`; a switch is `true`. */
export function gatherFlags(flags: Readonly<Record<string, unknown>>): SettingsLayer {
  const layer = new SettingsLayer();
  const rows = new Map(ROWS.flatMap((row) => (row.flag === undefined ? [] : [[row.flag, row]])));
  for (const [flag, given] of Object.entries(flags)) {
    if (given === undefined) continue;
    const row = rows.get(flag);
    if (row === undefined) layer.unknown(flag, 'a flag of serve', rows.keys());
    else if (row.readBy === 'server') layer.take(row, given, { path: flag });
  }
  return layer;
}

/** Variables `KEYFERRY_…`; an empty one counts as not given, unless it is to hold a secret. */
export function gatherVariables(
  environment: Readonly<Record<string, string | undefined>>,
  readFile: ReadFile,
): SettingsLayer {
  const layer = new SettingsLayer();
  layer.problems.push(...unknownVariables(environment));
  const byVariable = new Map(ROWS.map((row) => [row.variable, row]));
  const byFileVariable = new Map(
    ROWS.flatMap((row) => (row.fileVariable === undefined ? [] : [[row.fileVariable, row]])),
  );
  for (const [variable, given] of Object.entries(environment)) {
    const row = byVariable.get(variable);
    const fileRow = byFileVariable.get(variable);
    // Others are read by the commands; a server started from the same shell lets them be.
    if (given === undefined || (row ?? fileRow)?.readBy !== 'server') continue;
    if (fileRow !== undefined) {
      if (environment[fileRow.variable] !== undefined) {
        layer.report({ path: variable }, `${fileRow.variable} is set too; give one of them`);
      } else takeSecretFile(layer, fileRow, given, readFile);
    } else if (row?.secret) {
      layer.takeSecret(row, given, variable);
    } else if (row !== undefined && given !== '') {
      layer.take(row, given, { path: variable });
    }
  }
  return layer;
}

/** The config file; names of files in it are relative to its folder. */
export function gatherConfigFile(file: string, readFile: ReadFile): SettingsLayer {
  const layer = new SettingsLayer();
  const text = readText(file, file, readFile, layer.problems);
  if (text === undefined) return layer;
  const reading = readJsonDocument(text);
  if (!reading.ok) {
    for (const { message, ...at } of reading.errors) layer.report({ path: file, ...at }, message);
    return layer;
  }
  const { value, locate } = reading.document;
  for (const finding of reading.findings) {
    const path = `${file}: ${printPath(finding.path)}`;
    layer.report({ path, ...locate(finding.path) }, finding.message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    layer.report({ path: file }, `found ${shapeOf(value)}; an object is expected`);
    return layer;
  }
  const rows = new Map(ROWS.map((row) => [row.name, row]));
  const keys = ROWS.filter(isConfigKey).map((row) => row.name);
  for (const [key, given] of Object.entries(value)) {
    const place = { path: `${file}: ${printPath([key])}`, ...locate([key]) };
    const row = rows.get(key);
    if (row?.secret) {
      const message = `a secret does not belong in the config file; use ${row.variable}${row.fileVariable === undefined ? '' : ` or ${row.fileVariable}`}`;
      layer.report(place, message);
    } else if (row === undefined || !isConfigKey(row)) {
      layer.unknown(key, 'a key of the config file', keys, place);
    } else layer.take(row, given, place, dirname(file));
  }
  return layer;
}

function isConfigKey(row: SettingRow): boolean {
  return row.readBy === 'server' && !row.secret && row.name !== 'config';
}

function takeSecretFile(
  layer: SettingsLayer,
  row: SettingRow,
  file: string,
  readFile: ReadFile,
): void {
  const variable = row.fileVariable ?? row.variable;
  const text = readText(variable, file, readFile, layer.problems);
  // Editors and `echo` end a file with a line end that is not part of the secret.
  if (text !== undefined) layer.takeSecret(row, text.replace(/\r?\n$/, ''), variable);
}
