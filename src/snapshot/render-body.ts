import { isUtf8 } from 'node:buffer';
import {
  type JsonField,
  type JsonFields,
  normaliseQueryName,
  type PlacedBody,
  pointerTokens,
  type Template,
} from '../core/index.js';
import { percentEncode } from './percent-encode.js';

/** The templates of a body's fields, compiled. */
export interface BodySource {
  readonly json: readonly (readonly [pointer: string, Template])[];
  readonly form: readonly (readonly [name: string, Template])[];
  readonly maxBytes: number;
}

/**
 * Renders the fields of a body. `render` gives one character per byte; `unfit` is told of a value that JSON
 * cannot hold.
 */
export function renderBody(
  { json, form, maxBytes }: BodySource,
  render: (template: Template) => string,
  unfit: (template: Template, where: string, why: string) => void,
): PlacedBody {
  const tree: Tree = new Map();
  for (const [pointer, template] of json) {
    const bytes = Buffer.from(render(template), 'latin1');
    if (!isUtf8(bytes)) unfit(template, `the JSON field ${pointer}`, 'is not UTF-8 text');
    plant(tree, pointerTokens(pointer) ?? [], JSON.stringify(bytes.toString('utf8')));
  }
  const fields = form.map(
    ([name, template]) => `${encodeURIComponent(name)}=${percentEncode(render(template))}`,
  );
  return {
    json: json.length === 0 ? undefined : fieldsOf(tree),
    form: form.length === 0 ? undefined : fields.join('&'),
    formNames: new Set(form.map(([name]) => normaliseQueryName(name))),
    maxBytes,
  };
}

/** A map and no object: the keys are names that an operator chose, `__proto__` among them. */
type Tree = Map<string, Tree | string>;

function plant(tree: Tree, [key, ...below]: readonly string[], value: string): void {
  if (key === undefined) return;
  if (below.length === 0) {
    tree.set(key, value);
    return;
  }
  const known = tree.get(key);
  const branch: Tree = known instanceof Map ? known : new Map();
  tree.set(key, branch);
  plant(branch, below, value);
}

function fieldsOf(tree: Tree): JsonFields {
  return new Map(
    [...tree].map(([key, node]): [string, JsonField] => {
      const value = textOf(node);
      return [
        key,
        {
          value: Buffer.from(value),
          member: Buffer.from(`${JSON.stringify(key)}:${value}`),
          fields: node instanceof Map ? fieldsOf(node) : undefined,
        },
      ];
    }),
  );
}

function textOf(node: Tree | string): string {
  if (typeof node === 'string') return node;
  const members = [...node].map(([key, below]) => `${JSON.stringify(key)}:${textOf(below)}`);
  return `{${members.join(',')}}`;
}
