import type { FC } from 'hono/jsx';
import type { ApiProblem } from './api.js';
import { FieldProblems, type Wrong, wrongAt } from './field-problems.js';
import type { SentForm } from './form.js';
import { wordsOfName } from './mark.js';

interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly 'x-keyferry'?: string;
  readonly items?: FieldSchema;
  readonly prefixItems?: readonly FieldSchema[];
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly ObjectSchema[];
  readonly oneOf?: readonly ObjectSchema[];
}

const PREFIX = 'config.';
const ANYTHING = 'config';

interface Field {
  readonly name: string;
  readonly schema: FieldSchema;
  readonly required: boolean;
}

/** Every field that some form of the config has; required where all of them demand it. */
function fieldsOf(schema: Readonly<Record<string, unknown>>): readonly Field[] {
  const whole = schema as ObjectSchema;
  const forms = whole.anyOf ?? whole.oneOf ?? [whole];
  const names = [...new Set(forms.flatMap(({ properties }) => Object.keys(properties ?? {})))];
  return names.map((name) => {
    const having = forms.filter(({ properties }) => properties?.[name] !== undefined);
    const schemas = having.map(({ properties }) => properties?.[name] ?? {});
    const choices = schemas.flatMap(
      (one) => one.enum ?? (one.const === undefined ? [] : [one.const]),
    );
    const [first = {}] = schemas;
    return {
      name,
      schema: choices.length === 0 ? first : { ...first, enum: [...new Set(choices)] },
      required: forms.every(({ required }) => required?.includes(name) === true),
    };
  });
}

/** Texts, one per line. */
const isList = ({ type, items, prefixItems }: FieldSchema): boolean =>
  type === 'array' && (prefixItems ?? [items]).every((item) => item?.type === 'string');

const isSimple = ({ schema }: Field): boolean =>
  isList(schema) ||
  schema.enum !== undefined ||
  ['string', 'number', 'integer', 'boolean'].includes(schema.type ?? '');

/** The fields of a JSON Schema as those of a form; what is more than a text, a number or a list of texts is written as JSON. */
export const SchemaFields: FC<{
  readonly schema: Readonly<Record<string, unknown>>;
  readonly form: SentForm | undefined;
  readonly problem: ApiProblem | undefined;
}> = ({ schema, form, problem }) => {
  const fields = fieldsOf(schema);
  const others = fields.filter((field) => !isSimple(field)).map(({ name }) => name);
  return (
    <>
      <div class="tiles">
        {fields.filter(isSimple).map((field) => (
          <label for={PREFIX + field.name}>
            <span title={field.name}>{titleOf(field)}</span>
            <Input field={field} form={form} wrong={wrongAt(problem, PREFIX + field.name)} />
            <FieldProblems problem={problem} path={PREFIX + field.name} />
            {field.schema.description !== undefined && <small>{field.schema.description}</small>}
          </label>
        ))}
      </div>
      {others.length > 0 && (
        <label>
          More, as JSON ({others.join(', ')})
          <textarea name={ANYTHING} rows={4} class="code" spellcheck={false} placeholder="{}">
            {form?.exact(ANYTHING) ?? ''}
          </textarea>
          {[ANYTHING, ...others].map((name) => (
            <FieldProblems problem={problem} path={PREFIX + name} />
          ))}
        </label>
      )}
    </>
  );
};

function titleOf({ name, schema, required }: Field): string {
  const isOptional = !required && schema.type !== 'boolean';
  return `${wordsOfName(name)}${isList(schema) ? ', one per line' : ''}${isOptional ? ' (optional)' : ''}`;
}

const Input: FC<{
  readonly field: Field;
  readonly form: SentForm | undefined;
  readonly wrong: Wrong;
}> = ({ field: { name, schema, required }, form, wrong }) => {
  const given = form?.text(PREFIX + name);
  if (schema.type === 'boolean') {
    return (
      <select id={PREFIX + name} name={PREFIX + name} {...wrong}>
        {[false, true].map((choice) => (
          <option
            value={String(choice)}
            selected={given === undefined ? schema.default === choice : given === String(choice)}
          >
            {choice ? 'yes' : 'no'}
          </option>
        ))}
      </select>
    );
  }
  if (schema.enum !== undefined) {
    return (
      <select id={PREFIX + name} name={PREFIX + name} {...wrong}>
        {!required && (
          <option value="">
            {schema.default === undefined ? 'by default' : `${schema.default} (by default)`}
          </option>
        )}
        {schema.enum.map((choice) => (
          <option value={choice} selected={given === choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  if (isList(schema) || schema['x-keyferry'] === 'pem') {
    const byDefault = Array.isArray(schema.default) ? schema.default.join(', ') : '';
    return (
      <textarea
        id={PREFIX + name}
        name={PREFIX + name}
        rows={2}
        class="code"
        spellcheck={false}
        required={required}
        placeholder={byDefault}
        {...wrong}
      >
        {form?.exact(PREFIX + name) ?? ''}
      </textarea>
    );
  }
  const isNumber = schema.type === 'number' || schema.type === 'integer';
  const isSecret = schema['x-keyferry'] === 'provider-secret';
  return (
    <input
      id={PREFIX + name}
      name={PREFIX + name}
      type={isNumber ? 'number' : 'text'}
      required={required}
      value={given ?? ''}
      placeholder={
        isSecret
          ? 'name of a secret of _providers'
          : schema.default === undefined
            ? ''
            : String(schema.default)
      }
      {...wrong}
    />
  );
};

function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '');
}

/** What was sent, as the API takes it. What is no JSON is sent as it is: the API says what is wrong with it. */
export function configOf(
  schema: Readonly<Record<string, unknown>>,
  form: SentForm,
): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const field of fieldsOf(schema).filter(isSimple)) {
    const given = form.text(PREFIX + field.name);
    if (given === undefined) continue;
    const { type } = field.schema;
    if (type === 'boolean') config[field.name] = given === 'true';
    else if (isList(field.schema)) config[field.name] = linesOf(given);
    else if (type === 'number' || type === 'integer') {
      config[field.name] = form.amount(PREFIX + field.name);
    } else config[field.name] = given;
  }
  const more = form.text(ANYTHING);
  if (more === undefined) return config;
  try {
    return { ...config, ...(JSON.parse(more) as object) };
  } catch {
    return { ...config, [ANYTHING]: more };
  }
}

/** The fields of a form that says the same. */
export function configFieldsOf(
  schema: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  const rest = { ...config };
  const texts: Record<string, string> = {};
  for (const { name, schema: field } of fieldsOf(schema).filter(isSimple)) {
    // A choice of yes or no always says one of them.
    const value = config[name] ?? (field.type === 'boolean' ? (field.default ?? false) : '');
    texts[PREFIX + name] = Array.isArray(value) ? value.join('\n') : String(value);
    delete rest[name];
  }
  if (Object.keys(rest).length > 0) texts[ANYTHING] = JSON.stringify(rest, null, 2);
  return texts;
}

/** What the API calls what is asked here. */
export function configPathsOf(schema: Readonly<Record<string, unknown>>): readonly string[] {
  return [...fieldsOf(schema).map(({ name }) => PREFIX + name), PREFIX + ANYTHING];
}
