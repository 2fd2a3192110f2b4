import type { Route, RouteShape, RouteTable } from '../core/index.js';

/** Routes of one host pattern, by path prefix. */
class PathTable {
  /** Under each prefix, routes that name methods come first. */
  readonly #byPrefix = new Map<string, RouteShape[]>();
  #maxDepth = 0;

  add(prefix: string, shape: RouteShape): void {
    const key = prefix === '/' ? '' : prefix;
    this.#maxDepth = Math.max(this.#maxDepth, depthOf(key));
    const shapes = this.#byPrefix.get(key) ?? [];
    shapes.push(shape);
    shapes.sort((a, b) => Number(a.methods === undefined) - Number(b.methods === undefined));
    this.#byPrefix.set(key, shapes);
  }

  /** The longest prefix of whole segments that has a route for the method. */
  match(method: string, path: string): RouteShape | undefined {
    let end = this.#endOfDeepest(path);
    for (;;) {
      const shapes = this.#byPrefix.get(path.slice(0, end));
      if (shapes !== undefined) {
        for (const shape of shapes) {
          if (shape.methods === undefined || shape.methods.has(method)) return shape;
        }
      }
      if (end === 0) return undefined;
      end = path.lastIndexOf('/', end - 1);
    }
  }

  /** Length of the part of the path that has as many segments as the deepest prefix. */
  #endOfDeepest(path: string): number {
    let end = 0;
    for (let depth = 0; depth < this.#maxDepth; depth++) {
      const next = path.indexOf('/', end + 1);
      if (next === -1) return path.length;
      end = next;
    }
    return end;
  }
}

/**
 * Finds the most specific route: an exact host before a longer `*.` suffix before a shorter one before any
 * host; then the longer path prefix; then a route that names the method before one that takes all. A host
 * pattern without a matching prefix falls through to the next less specific one.
 */
export class CompiledTable implements RouteTable {
  readonly #exact = new Map<string, PathTable>();
  /** By the suffix with its dot: `.example.com`. */
  readonly #wildcard = new Map<string, PathTable>();
  readonly #anyHost = new PathTable();

  constructor(entries: Iterable<readonly [Route['match'], RouteShape]>) {
    for (const [match, shape] of entries) {
      this.#tableFor(match.host?.toLowerCase()).add(match.pathPrefix ?? '/', shape);
    }
  }

  get readsHost(): boolean {
    return this.#exact.size > 0 || this.#wildcard.size > 0;
  }

  match(method: string, host: string | undefined, path: string): RouteShape | undefined {
    if (host !== undefined && this.readsHost) {
      const name = hostName(host);
      const exact = this.#exact.get(name)?.match(method, path);
      if (exact !== undefined) return exact;
      for (let dot = name.indexOf('.', 1); dot !== -1; dot = name.indexOf('.', dot + 1)) {
        const found = this.#wildcard.get(name.slice(dot))?.match(method, path);
        if (found !== undefined) return found;
      }
    }
    return this.#anyHost.match(method, path);
  }

  #tableFor(host: string | undefined): PathTable {
    if (host === undefined) return this.#anyHost;
    const wildcard = host.startsWith('*.');
    const tables = wildcard ? this.#wildcard : this.#exact;
    const key = wildcard ? host.slice(1) : host;
    const table = tables.get(key) ?? new PathTable();
    tables.set(key, table);
    return table;
  }
}

/** Lower case, without port and without the root's trailing dot. */
function hostName(host: string): string {
  const end = host.endsWith(']') ? -1 : host.lastIndexOf(':');
  const name = (end === -1 ? host : host.slice(0, end)).toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function depthOf(prefix: string): number {
  let depth = 0;
  for (const character of prefix) if (character === '/') depth++;
  return depth;
}
