import type { FC } from 'hono/jsx';

/** A token that was just made: on this page, and nowhere later. */
export const ShownOnce: FC<{ readonly what: string; readonly token: string }> = ({
  what,
  token,
}) => (
  <div class="notice good" role="status">
    <p>
      <strong>{what}, shown this once:</strong>
    </p>
    <p>
      <code class="name" id="shown-once">
        {token}
      </code>{' '}
      <button type="button" class="secondary" data-copies="shown-once" hidden>
        Copy
      </button>
    </p>
    <p class="small">Keep it in a private file or a secret store of the app.</p>
  </div>
);
