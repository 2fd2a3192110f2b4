import type { FC } from 'hono/jsx';
import type { Problem, RoutesDocument, ValidationAnswer } from '../core/index.js';
import type { ApiProblem } from './api.js';
import { ConfirmedButton } from './confirmed-button.js';
import { DiffView } from './diff-view.js';
import { ProblemNotice } from './problem-notice.js';

/** What the editor shows beside the document. */
export interface Edited {
  readonly text: string;
  /** The revision that it is based on; undefined where that is the applied one, whatever it was before. */
  readonly revision?: number | undefined;
  readonly allowsMissing?: boolean;
  readonly checked?: ValidationAnswer;
  /** What the text says, where it can be read. */
  readonly document?: RoutesDocument | undefined;
  readonly problem?: ApiProblem | undefined;
}

/** As it is edited and compared. */
export function textOf(document: unknown): string {
  return JSON.stringify(document, null, 2);
}

/** The document, what a check of it has found, and ways to check and apply it. */
export const RoutesEditor: FC<{
  readonly text: string;
  readonly applied: string;
  readonly revision: number;
  readonly edited: Edited | undefined;
}> = ({ text, applied, edited, ...now }) => {
  const checked = edited?.checked;
  const revision = edited?.revision ?? now.revision;
  const allowsMissing = edited?.allowsMissing === true;
  // Compared as it would be kept: comments and another layout change nothing.
  const next = edited?.document === undefined ? applied : textOf(edited.document);
  const isFirst = revision === 0;
  return (
    <section class="panel" id="document" aria-labelledby="document-title">
      <h2 id="document-title">The document</h2>
      <ProblemNotice problem={edited?.problem} />
      {checked !== undefined && <Checked found={checked} />}
      {next !== applied && (
        <>
          <h3>What would change</h3>
          <DiffView before={applied} after={next} />
        </>
      )}
      {isFirst ? (
        <>
          <DocumentForm text={text} revision={revision} allowsMissing={allowsMissing} />
          <details>
            <summary>An example</summary>
            <pre>{EXAMPLE}</pre>
          </details>
        </>
      ) : (
        <details open={edited !== undefined}>
          <summary>Edit</summary>
          <DocumentForm text={text} revision={revision} allowsMissing={allowsMissing} />
        </details>
      )}
    </section>
  );
};

/** Requests to `/stripe` get the key in place of the client's token. */
const EXAMPLE = textOf({
  routes: [
    {
      name: 'stripe',
      match: { pathPrefix: '/stripe' },
      headers: { Authorization: 'Bearer <<secret:stripe_api_key>>' },
      environments: { production: { upstream: 'https://api.stripe.com' } },
    },
  ],
});

const DocumentForm: FC<{
  readonly text: string;
  readonly revision: number;
  readonly allowsMissing: boolean;
}> = ({ text, revision, allowsMissing }) => (
  <form method="post" action="/routes#document">
    <input type="hidden" name="revision" value={String(revision)} />
    <textarea
      name="document"
      rows={revision === 0 ? 10 : 24}
      spellcheck={false}
      class="code"
      aria-label="Document"
    >
      {text}
    </textarea>
    <label>
      <input type="checkbox" name="allowMissing" checked={allowsMissing} /> apply although a secret
      has no value yet; its requests then fail
    </label>
    <div class="actions">
      <button type="submit" name="do" value="check" class="secondary">
        Check
      </button>
      <ConfirmedButton
        id="apply"
        text="Apply"
        title="Apply this document?"
        consequence={`It takes the place of revision ${revision}: requests go by it from now on. A document that is not sound is refused, and changes nothing.`}
        submit="Apply the document"
        look="primary"
        name="do"
        value="apply"
      />
    </div>
  </form>
);

const Checked: FC<{ readonly found: ValidationAnswer }> = ({ found }) => (
  <div class={`notice ${found.valid ? 'good' : 'bad'}`} role="status">
    <p>{found.valid ? 'This document can be applied.' : 'This document cannot be applied.'}</p>
    <ul>
      {[...found.problems, ...found.warnings].slice(0, 50).map((problem) => (
        <li>
          <code>{problem.path}</code>
          {placeOf(problem)} {problem.message}
          {problem.nearest !== undefined && ` (did you mean "${problem.nearest}"?)`}
        </li>
      ))}
    </ul>
  </div>
);

function placeOf({ line, column }: Problem): string {
  return line === undefined ? '' : ` (line ${line}, column ${column ?? 1})`;
}
