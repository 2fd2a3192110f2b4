import { z } from 'zod';
import { ENVIRONMENT_NAME, type GrantedRole, type Problem, ROLES } from '../core/index.js';
import { describeIssue } from './describe-issue.js';
import { problemsOf } from './finding.js';
import { readJsonDocument } from './read-json-document.js';
import { type ReadFile, readText } from './read-text.js';

const roleSchema = z.strictObject({
  value: z.string().min(1),
  role: z.enum(ROLES),
  environments: z
    .array(z.string().regex(ENVIRONMENT_NAME, 'the name of an environment is expected'))
    .min(1)
    .optional(),
  secretPrefix: z
    .string()
    .regex(
      /^[a-zA-Z][a-zA-Z0-9_-]{0,127}$/,
      'a letter, then up to 127 letters, digits, "_" or "-" are expected',
    )
    .optional(),
});
const rolesSchema = z.array(roleSchema).min(1);

/**
 * Reads which value of a claim gives which role: a JSON list (comments allowed). Undefined where something is wrong,
 * which `problems` takes with line and column.
 */
export function readOidcRoles(
  file: string,
  readFile: ReadFile,
  problems: Problem[],
): readonly GrantedRole[] | undefined {
  const text = readText('--oidc-roles', file, readFile, problems);
  if (text === undefined) return undefined;
  const reading = readJsonDocument(text);
  if (!reading.ok) {
    problems.push(...reading.errors.map((error) => ({ path: file, ...error })));
    return undefined;
  }
  const { value, locate } = reading.document;
  const checked = rolesSchema.safeParse(value);
  const issues = checked.error?.issues ?? [];
  const findings = [
    ...reading.findings,
    ...issues.flatMap((issue) => describeIssue(issue, value, () => Object.keys(roleSchema.shape))),
  ];
  const found = problemsOf(findings, 'error', locate);
  problems.push(...found.map((one) => ({ ...one, path: `${file}: ${one.path}` })));
  if (checked.data === undefined || found.length > 0) return undefined;
  return checked.data.map(({ value: given, role, environments, secretPrefix }) => ({
    value: given,
    role,
    environments: environments ?? null,
    secretPrefix: secretPrefix ?? null,
  }));
}
