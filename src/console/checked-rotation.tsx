import type { FC } from 'hono/jsx';
import type { CheckAnswer } from '../core/index.js';

/** What a check of a provider has found. */
export const CheckedRotation: FC<{ readonly found: CheckAnswer }> = ({ found }) => (
  <div class={`notice ${found.ok ? 'good' : 'bad'}`} role="status">
    <p>
      {found.ok ? 'Everything is as it should be; nothing was changed.' : 'Something is wrong.'}
    </p>
    <ul>
      {found.findings.map(({ ok, what, detail }) => (
        <li>
          {ok ? '✓' : '✗'} {what}: {detail}
        </li>
      ))}
    </ul>
  </div>
);
