import type { Child, FC } from 'hono/jsx';

/** What a list is limited to: beside the search, and on a phone behind a button. */
export const Filters: FC<{
  /** How many of them limit what is shown now. */
  readonly count: number;
  readonly children?: Child;
}> = ({ count, children }) => (
  <>
    <button type="button" class="secondary unfolds" popovertarget="filters">
      {count === 0 ? 'Filters' : `Filters (${count})`}
    </button>
    <div class="filters" id="filters" popover="auto">
      {children}
      <button type="submit" class="secondary">
        Show
      </button>
    </div>
  </>
);
