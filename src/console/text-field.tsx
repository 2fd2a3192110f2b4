import type { Child, FC } from 'hono/jsx';
import type { ApiProblem } from './api.js';
import { FieldProblems, wrongAt } from './field-problems.js';
import type { SentForm } from './form.js';

interface TextFieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'time' | 'number';
  /** So many lines; a line alone where it is left out. */
  readonly rows?: number;
  readonly min?: number;
  readonly max?: number;
  /** `any` for numbers that are not whole. */
  readonly step?: 'any';
  readonly placeholder?: string;
  readonly hint?: Child;
  /** What stands in it. */
  readonly form: SentForm | undefined;
  readonly problem: ApiProblem | undefined;
  /** What the API calls it; the name where it is left out. */
  readonly path?: string;
}

/** A field that takes text, time or number, with what it is about and what was wrong with it. */
export const TextField: FC<TextFieldProps> = (props) => {
  const {
    name,
    label,
    type = 'text',
    rows,
    min,
    max,
    step,
    placeholder,
    hint,
    form,
    problem,
  } = props;
  const path = props.path ?? name;
  const wrong = wrongAt(problem, path);
  const below = (
    <>
      <FieldProblems problem={problem} path={path} />
      {hint !== undefined && <small>{hint}</small>}
    </>
  );
  if (rows !== undefined) {
    return (
      <label>
        {label}
        <textarea name={name} rows={rows} placeholder={placeholder} spellcheck={false} {...wrong}>
          {form?.exact(name) ?? ''}
        </textarea>
        {below}
      </label>
    );
  }
  return (
    <label>
      {label}
      <input
        name={name}
        type={type}
        min={min}
        max={max}
        step={step}
        placeholder={placeholder}
        value={form?.text(name) ?? ''}
        {...wrong}
      />
      {below}
    </label>
  );
};
