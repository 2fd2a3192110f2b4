import type { Problem } from '../core/index.js';
import { quote } from './finding.js';

/** Reads a file as UTF-8 text; throws as `readFileSync` does. */
export type ReadFile = (file: string) => string;

/** Undefined where it cannot be read, which `problems` takes; `path` names the setting. */
export function readText(
  path: string,
  file: string,
  readFile: ReadFile,
  problems: Problem[],
): string | undefined {
  try {
    return readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    problems.push({ path, message: `the file ${quote(file)} cannot be read (${code})` });
    return undefined;
  }
}
