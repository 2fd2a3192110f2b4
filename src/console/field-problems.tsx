import type { FC } from 'hono/jsx';
import type { Problem } from '../core/index.js';
import type { ApiProblem } from './api.js';
import { ProblemNotice } from './problem-notice.js';

/** Of a field of the API, or of what is in it. */
function isAt(path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);
}

function problemsAt(problem: ApiProblem | undefined, field: string): readonly Problem[] {
  return problem?.problems.filter(({ path }) => isAt(path, field)) ?? [];
}

function isWrong(problem: ApiProblem | undefined, field: string): boolean {
  return problemsAt(problem, field).length > 0;
}

/** What an input says of itself. */
export interface Wrong {
  readonly 'aria-invalid'?: 'true';
}

export function wrongAt(problem: ApiProblem | undefined, field: string): Wrong {
  return isWrong(problem, field) ? { 'aria-invalid': 'true' } : {};
}

/** Above a form: that something is wrong with `fields`, which say what themselves; what is about none of them in full. */
export const FormProblem: FC<{
  readonly problem: ApiProblem | undefined;
  readonly fields: readonly string[];
}> = ({ problem, fields }) => {
  const isSaid = ({ path }: Problem): boolean => fields.some((field) => isAt(path, field));
  if (problem === undefined || problem.problems.length === 0 || !problem.problems.every(isSaid)) {
    return <ProblemNotice problem={problem} />;
  }
  const count = fields.filter((field) => isWrong(problem, field)).length;
  return (
    <p class="notice bad" role="alert">
      Nothing was saved: {count === 1 ? 'a field says' : `${count} fields say`} below what is wrong.
    </p>
  );
};

/** What the API found wrong with a field, below it. */
export const FieldProblems: FC<{
  readonly problem: ApiProblem | undefined;
  readonly path: string;
}> = ({ problem, path: field }) => (
  <>
    {problemsAt(problem, field).map(({ path, message, nearest }) => (
      <small class="invalid">
        {placeWithin(path.slice(field.length))}
        {message}
        {nearest !== undefined && ` (did you mean "${nearest}"?)`}
      </small>
    ))}
  </>
);

/** `entry 2: ` for `[1]`, `team: ` for `.team`; what the API does not repeat is not told. */
function placeWithin(rest: string): string {
  const [, index] = /^\[(\d+)\]$/.exec(rest) ?? [];
  if (index !== undefined) return `entry ${Number(index) + 1}: `;
  return /^\.[\w./-]+$/.test(rest) ? `${rest.slice(1)}: ` : '';
}
