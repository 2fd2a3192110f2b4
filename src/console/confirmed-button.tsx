import type { Child, FC } from 'hono/jsx';

interface ConfirmedButtonProps {
  /** Of the dialog: once on a page. With "_" beside the name of an environment: those are ids too, and have none. */
  readonly id: string;
  /** On the button that asks. */
  readonly text: string;
  /** What it would do, as a question that names what it is done to; by default the label. */
  readonly title?: string;
  /** How those who hear the page tell it from the others; where there are others. */
  readonly label?: string;
  /** On the button that does it: its verb, and as much of the rest as has room. */
  readonly submit: string;
  readonly consequence: string;
  readonly look: 'primary' | 'secondary' | 'danger';
  /** What the button that does it is in the form, where a form has several. */
  readonly name?: string;
  readonly value?: string;
  /** What is to be filled in first; here, so that Enter in a field sends nothing unasked. One may have `autofocus`. */
  readonly children?: Child;
}

/**
 * In a form: the button that sends it, behind the sentence that names the consequence. It is a popover, so it needs no
 * script; a browser that knows none shows sentence and button in the page.
 */
export const ConfirmedButton: FC<ConfirmedButtonProps> = (props) => {
  const { id, text, label, submit, consequence, look, name, value, children } = props;
  return (
    <>
      <button
        type="button"
        id={`${id}_asks`}
        class={look}
        popovertarget={id}
        aria-haspopup="dialog"
        aria-label={label}
      >
        {text}
      </button>
      <div
        popover="auto"
        id={id}
        class="confirm"
        role="dialog"
        aria-labelledby={`${id}_title`}
        aria-describedby={`${id}_text`}
      >
        <h2 id={`${id}_title`}>{props.title ?? `${label ?? text}?`}</h2>
        <p id={`${id}_text`}>{consequence}</p>
        {children}
        <div class="actions">
          <button
            type="button"
            class="secondary"
            popovertarget={id}
            popovertargetaction="hide"
            autofocus
          >
            Cancel
          </button>
          <button type="submit" class={look} name={name} value={value}>
            {submit}
          </button>
        </div>
      </div>
    </>
  );
};
