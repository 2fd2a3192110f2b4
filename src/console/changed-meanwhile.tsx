import type { FC } from 'hono/jsx';
import type { ApiProblem } from './api.js';
import { formOf, type SentForm } from './form.js';
import { wordsOfName } from './mark.js';

/** After a change was refused because somebody else was faster: what stands there now, where the form says otherwise. */
export const ChangedMeanwhile: FC<{
  readonly problem: ApiProblem | undefined;
  /** The fields of the form as they would be filled now. */
  readonly now: Readonly<Record<string, string>>;
  readonly form: SentForm;
}> = ({ problem, now, form }) => {
  if (problem?.code !== 'precondition_failed') return null;
  const stored = formOf(now);
  const others = Object.keys(now).filter((name) => stored.text(name) !== form.text(name));
  return (
    <div class="notice warn">
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
