import type { FC } from 'hono/jsx';
import type { ApiProblem } from './api.js';
import { formOf, type SentForm } from './form.js';
import { wordsOfName } from './mark.js';

/**
 * What the change of a form is based on, which goes along with it. After it was refused because somebody else was faster,
 * also what stands there now, where the form says otherwise: only who has been shown that may replace it.
 */
export const ChangedMeanwhile: FC<{
  readonly problem: ApiProblem | undefined;
  /** The tag of what stands there now. */
  readonly tag: string;
  /** The fields of the form as they would be filled now. */
  readonly now: Readonly<Record<string, string>>;
  readonly form: SentForm;
}> = ({ problem, tag, now, form }) => {
  if (problem?.code !== 'precondition_failed') return <Tag value={form.text('tag') ?? tag} />;
  const stored = formOf(now);
  const others = Object.keys(now).filter((name) => stored.text(name) !== form.text(name));
  return (
    <div class="notice warn">
      <Tag value={tag} />
      <p>
        Nothing was saved. The form below has what you typed; saving it again replaces what is there
        now:
      </p>
      <dl class="facts">
        {others.map((name) => (
          <>
            <dt>{wordsOfName(name)}</dt>
            <dd>{stored.text(name) ?? 'nothing'}</dd>
          </>
        ))}
      </dl>
    </div>
  );
};

const Tag: FC<{ readonly value: string }> = ({ value }) => (
  <input type="hidden" name="tag" value={value} />
);
