import type {
  EchoMatcher,
  EchoScrub,
  EchoScrubMode,
  SecretReference,
  Template,
} from '../core/index.js';
import { SHORTEST_FORM } from './echo-forms.js';
import { type EchoSource, WuManberMatcher } from './echo-matcher.js';

/** The values that one plan places, gathered while it is rendered: what its responses are searched for. */
export class PlacedValues {
  readonly #values = new Map<string, EchoSource>();
  readonly #rendered: EchoSource[] = [];

  /** `secret`: whose value it is; the template may name another one. */
  add(reference: SecretReference, bytes: Uint8Array, secret: string): void {
    this.#values.set(keyOf(reference), { secret, bytes });
  }

  /** `text`: what came of a template whose values were added, one character per byte. */
  addRendered(template: Template, text: string): void {
    for (const part of template.parts) {
      if (part.type !== 'basic') continue;
      const user = this.#values.get(keyOf(part.user));
      const password = this.#values.get(keyOf(part.password));
      if (user === undefined || password === undefined) continue;
      const bytes = Buffer.concat([user.bytes, COLON, password.bytes]);
      this.#rendered.push({ secret: password.secret, bytes });
    }
    // Together with what stands around it, a value may be long enough.
    const short = template.references
      .map((reference) => this.#values.get(keyOf(reference)))
      .find(
        (value) => value !== undefined && isShort(value) && value.bytes.length >= SHORTEST_WITHIN,
      );
    if (short !== undefined) {
      this.#rendered.push({ secret: short.secret, bytes: Buffer.from(text, 'latin1') });
    }
  }

  /** How responses are to be searched; undefined where there is nothing to look for. */
  scrub(mode: EchoScrubMode): EchoScrub | undefined {
    if (mode === 'off' || this.#values.size === 0) return undefined;
    return new LazyScrub(mode, [...this.#values.values()], this.#rendered);
  }
}

/** Still shorter ones would be found in any text that goes on from what stands before them. */
const SHORTEST_WITHIN = 4;

const COLON = Buffer.from(':');

function keyOf({ name, field, version }: SecretReference): string {
  return `${name}.${field ?? ''}@${version ?? ''}`;
}

function isShort({ bytes }: EchoSource): boolean {
  return bytes.length < SHORTEST_FORM;
}

/** Routes that place one and the same value share their matcher: by the bytes that a snapshot opened once. */
const shared = new WeakMap<Uint8Array, EchoMatcher>();

/** Most of thousands of plans may never be asked: a matcher is built for the first response. */
class LazyScrub implements EchoScrub {
  readonly mode: 'block' | 'mask';
  readonly tooShort: readonly string[];
  readonly #values: readonly EchoSource[];
  readonly #rendered: readonly EchoSource[];
  #matcher: EchoMatcher | undefined;

  constructor(
    mode: 'block' | 'mask',
    values: readonly EchoSource[],
    rendered: readonly EchoSource[],
  ) {
    this.mode = mode;
    this.#values = values;
    this.#rendered = rendered;
    this.tooShort = [...new Set(values.filter(isShort).map(({ secret }) => secret))];
  }

  with(other: LazyScrub): LazyScrub {
    const values = [...this.#values, ...withoutThese(this.#values, other.#values)];
    const rendered = [...this.#rendered, ...withoutThese(this.#rendered, other.#rendered)];
    return new LazyScrub(this.mode, values, rendered);
  }

  get matcher(): EchoMatcher {
    this.#matcher ??= matcherFor([...this.#values, ...this.#rendered]);
    return this.#matcher;
  }
}

function withoutThese(known: readonly EchoSource[], more: readonly EchoSource[]): EchoSource[] {
  return more.filter(({ bytes }) => !known.some((one) => one.bytes === bytes));
}

/** Searches for what `other` looks for as well: an upstream may know of a value what it was sent before. */
export function searchForBoth(
  own: EchoScrub | undefined,
  other: EchoScrub | undefined,
): EchoScrub | undefined {
  return own instanceof LazyScrub && other instanceof LazyScrub ? own.with(other) : own;
}

function matcherFor(sources: readonly EchoSource[]): EchoMatcher {
  const [first, second] = sources;
  if (first === undefined || second !== undefined) return new WuManberMatcher(sources);
  const known = shared.get(first.bytes) ?? new WuManberMatcher(sources);
  shared.set(first.bytes, known);
  return known;
}
