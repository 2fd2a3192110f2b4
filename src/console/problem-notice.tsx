import type { FC } from 'hono/jsx';
import { ApiProblem } from './api.js';

/** What the API refused, where it was asked; nothing where it did not. */
export const ProblemNotice: FC<{ readonly problem: ApiProblem | undefined }> = ({ problem }) =>
  problem === undefined ? null : (
    <div class="notice bad" role="alert">
      <p>{problem.message}</p>
      {problem.problems.length > 1 && (
        <ul>
          {problem.problems.slice(0, 20).map(({ path, message, nearest }) => (
            <li>
              <code>{path}</code>: {message}
              {nearest !== undefined && ` (did you mean "${nearest}"?)`}
            </li>
          ))}
        </ul>
      )}
    </div>
  );

/** Runs a change; what the API refuses is answered, everything else thrown. */
export async function refusalOf(change: () => Promise<unknown>): Promise<ApiProblem | undefined> {
  try {
    await change();
    return undefined;
  } catch (error) {
    if (error instanceof ApiProblem) return error;
    throw error;
  }
}
