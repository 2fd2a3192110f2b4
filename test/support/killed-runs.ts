import { type RotationRun, SecretValue, type Store } from '../../src/core/index.js';
import { openKeyferryStore } from '../../src/open-store.js';
import { TEST_ACTOR as actor } from './open-test-store.js';
import { type PreparedRotation, prepareRotation } from './prepare-rotation.js';
import { headersWith } from './provider-rig.js';
import type { ProviderStandIn } from './provider-stand-in.js';

const SECRET = 'rotated';
const PLACE = { secret: SECRET, environment: 'production' };

interface EndsByHand {
  endByHand?(headers: Readonly<Record<string, string>>): Promise<void>;
}

/** Runs of one rotation whose processes are killed: what must be so after each kill, and what a person does. */
export class KilledRuns {
  readonly findings: string[] = [];
  /** Runs by how they ended. */
  readonly ends = new Map<string, number>();
  /** How the run was last seen. */
  seen = '';
  /** Leases of the killed are over where their time has passed. */
  offsetMs = 0;
  readonly #name: string;
  readonly #standIn: ProviderStandIn;
  readonly #dataDir: string;
  #prepared: PreparedRotation | undefined;
  readonly #told = new Set<string>();

  constructor(name: string, standIn: ProviderStandIn, dataDir: string) {
    this.#name = name;
    this.#standIn = standIn;
    this.#dataDir = dataDir;
  }

  /** A secret that a route names, and its rotation, which begins nothing by itself for a day. */
  async prepare(store: Store): Promise<void> {
    const later = { nextRunAtMs: Date.now() + 86_400_000, cutover: { steps: [100] } };
    this.#prepared = await prepareRotation(store, this.#standIn, SECRET, later);
    const references = [{ route: 'api', ...PLACE, version: undefined }];
    await store.applyRoutes({ actor, document: { routes: [] }, references, source: 'api' });
  }

  find(text: string): void {
    this.findings.push(`${this.#name}: ${text}`);
  }

  async withStore<T>(work: (store: Store) => Promise<T>, laterMs = 0): Promise<T> {
    const clock = { now: () => Date.now() + this.offsetMs + laterMs };
    const { store } = await openKeyferryStore({
      dataDir: this.#dataDir,
      clock,
      createIfMissing: true,
    });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  async run(store: Store): Promise<RotationRun | null> {
    return (await store.findRotation(SECRET, 'production'))?.run ?? null;
  }

  /** What a person does: begins the next run, pastes a value, reads a problem and says how it goes on. */
  async goOn(store: Store): Promise<void> {
    const rotation = await store.findRotation(SECRET, 'production');
    const run = rotation?.run ?? null;
    if (rotation === undefined) throw new Error('there is no rotation');
    if (run === null || run.endedAtMs !== null) {
      await store.startRun({ actor, rotationId: rotation.id, trigger: 'manual' });
    } else if (run.state === 'AWAITING_VALUE') {
      const text = await this.#standIn.valueToPaste?.();
      const value = SecretValue.fromText(text ?? '');
      const { fields } = this.#standIn;
      await store.giveValue({ actor, id: run.id, value, fields });
    } else if (run.state === 'REVOKING') {
      await this.#endOldKey(store, run);
    } else if (run.state === 'NEEDS_ATTENTION') {
      await this.#readProblem(store);
      await this.#signInAnew(store);
      await store.directRun({ actor, id: run.id, to: 'resume' });
    }
  }

  /** Where only a person can. */
  async #endOldKey(store: Store, { fromVersion }: RotationRun): Promise<void> {
    const standIn: ProviderStandIn & EndsByHand = this.#standIn;
    const version = fromVersion ?? undefined;
    const [old] = await store.resolveValues([{ ...PLACE, version }]);
    if (old?.status === 'found') await standIn.endByHand?.(headersWith(standIn, old.value));
  }

  /** A person has been asked about keys that were made and lost: from then on they are theirs. */
  async #readProblem(store: Store): Promise<void> {
    const known = await store.providerKeys(SECRET, 'production');
    for (const { id, madeBy } of await this.#standIn.keys()) {
      const isKnown = known.some(({ keyId }) => keyId === id);
      if (madeBy === 'keyferry' && !isKnown) this.#told.add(id);
    }
  }

  /** Where a refresh token may be spent. */
  async #signInAnew(store: Store): Promise<void> {
    const standIn: ProviderStandIn & { authorizeAnew?: () => string } = this.#standIn;
    const token = standIn.authorizeAnew?.();
    const name = standIn.config.refreshToken;
    if (token === undefined || typeof name !== 'string' || this.#prepared === undefined) return;
    const place = { secret: this.#prepared.providerSecret(name), environment: '_providers' };
    const value = SecretValue.fromText(token);
    const { version } = await store.addVersion({ actor, ...place, value });
    await store.activateVersion({ actor, ...place, version });
  }

  async look(store: Store): Promise<void> {
    const run = await this.run(store);
    if (run === null) return;
    this.seen = `${run.state}: ${run.problem}`;
    const versions = await store.listVersions(SECRET, 'production');
    const current = versions.filter(({ state }) => state === 'current');
    const isFirst = this.#standIn.initial === undefined && run.fromVersion === null;
    if (current.length !== 1 && !isFirst) this.find(`current versions: ${current.length}`);
    const keys = await this.#standIn.keys();
    const oldKey = keys.find(({ id }) => id === run.oldKeyId);
    const isVerified = ![
      'PLANNED',
      'PREFLIGHT',
      'AWAITING_VALUE',
      'MINTING',
      'MINTED',
      'PROBING',
    ].includes(run.resumesAs ?? run.state);
    if (oldKey !== undefined && oldKey.state !== 'live' && !isVerified) {
      this.find(`${run.state}, and the old key ${oldKey.id} is ${oldKey.state}`);
    }
    if (run.endedAtMs === null) return;
    this.ends.set(run.state, (this.ends.get(run.state) ?? 0) + 1);
    await this.#lookAtEnd(store, run);
  }

  /** When a run has ended, what lives at the provider is what Keyferry knows. */
  async #lookAtEnd(store: Store, { state, reason, fromVersion }: RotationRun): Promise<void> {
    const known = await store.providerKeys(SECRET, 'production');
    for (const { id, state: now, madeBy } of await this.#standIn.keys()) {
      const isKnown = known.some(({ keyId, state: is }) => keyId === id && is === 'live');
      if (now === 'live' && madeBy === 'keyferry' && !isKnown && !this.#staysBehind(id)) {
        this.find(`${state} (${reason}), and key ${id} lives unknown to Keyferry`);
      }
    }
    const [found] = await store.resolveValues([{ ...PLACE, version: undefined }]);
    // The first run of a secret without a value may be taken back: then there is none, as before.
    if (found?.status === 'missing' && fromVersion === null && state !== 'DONE') return;
    if (found?.status !== 'found')
      return this.find(`${state}: the current value is ${found?.status}`);
    const headers = headersWith(this.#standIn, found.value);
    if (!(await this.#standIn.accepts(headers)))
      this.find(`${state}: the current value is refused`);
  }

  /**
   * What nobody can take back but a person: a key that was pasted, and an access token whose answer was lost, which ends
   * by itself.
   */
  #staysBehind(id: string): boolean {
    if (this.#told.has(id)) return true;
    return this.#standIn.provider === 'oauth2' || this.#standIn.valueToPaste !== undefined;
  }
}
