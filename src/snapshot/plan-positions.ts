import type { Change } from '../core/index.js';
import type { CompiledRoutes } from './compile-routes.js';
import type { RunningCutovers } from './running-cutovers.js';

/** Where a plan stands that names a secret: its route's index, and its place among the route's sources. */
export interface PlanPosition {
  readonly route: number;
  readonly source: number;
  readonly environment: string;
}

/** Which plans name which secret. */
export class PlanPositions {
  readonly #bySecret = new Map<string, PlanPosition[]>();

  constructor(compiled: CompiledRoutes) {
    compiled.sources.forEach((sources, route) => {
      sources.forEach(({ references, effective: { environment } }, source) => {
        for (const secret of new Set(references.map((reference) => reference.secret))) {
          const position = { route, source, environment };
          const known = this.#bySecret.get(secret);
          if (known === undefined) this.#bySecret.set(secret, [position]);
          else known.push(position);
        }
      });
    });
  }

  /** `environment` undefined = in every one. */
  of(secret: string, environment: string | undefined): readonly PlanPosition[] {
    const all = this.#bySecret.get(secret) ?? [];
    return environment === undefined ? all : all.filter((one) => one.environment === environment);
  }

  /** By route: the sources whose plan the changes touch. `cutovers` are those of before and after them. */
  touchedBy(
    changes: readonly Change[],
    cutovers: readonly RunningCutovers[],
  ): ReadonlyMap<number, ReadonlySet<number>> {
    const touched = new Map<number, Set<number>>();
    const touch = (name: string, environment: string | undefined): void => {
      const partners = cutovers.flatMap((running) => running.partnersOf(name, environment));
      for (const secret of new Set([name, ...partners])) {
        for (const { route, source } of this.of(secret, environment)) {
          touched.set(route, (touched.get(route) ?? new Set()).add(source));
        }
      }
    };
    for (const change of changes) {
      if (change.kind === 'version' || change.kind === 'cutover') {
        touch(change.secret, change.environment);
      } else if (change.kind === 'secret') {
        // A deleted secret is gone from every environment.
        touch(change.secret, undefined);
      } else if (change.kind === 'client') {
        for (const { cutover } of cutovers.flatMap((running) => running.ofClients)) {
          touch(cutover.secret, cutover.environment);
        }
      }
    }
    return touched;
  }
}
