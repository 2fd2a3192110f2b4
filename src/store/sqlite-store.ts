import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  AppError,
  type ResolvedValue,
  type RoutesRevision,
  type Sealer,
  type Store,
  type ValueReference,
  type Version,
} from '../core/index.js';
import { createEmptyFile } from './create-empty-file.js';
import type { DatabaseWorker } from './database-worker.js';
import { createRotationCalls, requireValueSize } from './rotation-calls.js';
import type { SealedAnswer } from './sqlite/resolve.js';

/** Values opened before other work gets its turn. */
const OPENED_PER_TURN = 500;
const ERASE_RETRY_MS = 1_000;

/** The `Store` of core/ over a database that a worker owns. Values are sealed and opened on this side. */
export function createSqliteStore(worker: DatabaseWorker, sealer: Sealer): Store {
  const { databaseId, call } = worker;
  let closed = false;
  /** As the worker gave them: they are long, and asked for often. */
  let routesRead: RoutesRevision | undefined;

  const openAnswer = ({ environment }: ValueReference, answer: SealedAnswer): ResolvedValue => {
    if (answer.status !== 'found') return answer;
    const { sealed, ...found } = answer;
    const { secretId, version } = found;
    try {
      const context = { databaseId, environment, secretId, version };
      return { ...found, value: sealer.open(sealed, context) };
    } catch (error) {
      // One bad row stops the requests that need it, not the others.
      if (error instanceof AppError && error.code === 'database_corrupt') {
        return { status: 'damaged', version };
      }
      throw error;
    }
  };

  /**
   * The write-ahead log may still hold what was erased, until no reader needs it. The command itself is done:
   * a log that cannot be emptied now is emptied later, or at close.
   */
  const emptyLog = async (): Promise<void> => {
    const emptied = await call('emptyLog').catch(() => false);
    if (!emptied && !closed) setTimeout(() => void emptyLog(), ERASE_RETRY_MS).unref();
  };

  return {
    databaseId,
    createEnvironment: (command) => call('createEnvironment', command),
    listEnvironments: () => call('listEnvironments'),
    deleteEnvironment: (command) => call('deleteEnvironment', command),

    createSecret: (command) => call('createSecret', command),
    getSecret: (name) => call('getSecret', name),
    listSecrets: (filter) => call('listSecrets', filter),
    updateSecret: (command) => call('updateSecret', command),
    async deleteSecret(command) {
      await call('deleteSecret', command);
      await emptyLog();
    },

    async addVersion({
      value,
      fields,
      expiresAtMs,
      note,
      copiedFrom,
      ...target
    }): Promise<Version> {
      requireValueSize(value);
      for (;;) {
        const { secret, environment } = target;
        const next = await call('nextVersion', { secret, environment });
        const sealed = sealer.seal(value, { databaseId, environment, ...next });
        const added = await call('addSealedVersion', {
          ...target,
          ...next,
          sealed,
          fields: fields ?? [],
          expiresAtMs: expiresAtMs ?? null,
          note: note ?? null,
          copiedFrom,
        });
        // Undefined: another writer took the number, so this one takes the next.
        if (added !== undefined) return added;
      }
    },
    listVersions: (secret, environment) => call('listVersions', { secret, environment }),
    revokeSafetyOf: (secret, environment) => call('revokeSafetyOf', { secret, environment }),
    activateVersion: (command) => call('activateVersion', command),
    rollback: (command) => call('rollback', command),
    revokeVersion: (command) => call('revokeVersion', command),
    async destroyVersion(command) {
      const version = await call('destroyVersion', command);
      await emptyLog();
      return version;
    },
    async resolveValues(references) {
      const answers = await call('resolveSealed', references);
      const resolved: ResolvedValue[] = [];
      for (const [index, reference] of references.entries()) {
        const answer = answers[index];
        if (answer !== undefined) resolved.push(openAnswer(reference, answer));
        if (index % OPENED_PER_TURN === OPENED_PER_TURN - 1) await nextTurn();
      }
      return resolved;
    },
    missingValues: (references) => call('missingValues', references),
    secretHosts: (names) => call('secretHosts', names),

    async currentRoutes() {
      const read = routesRead;
      const answer = await call('currentRoutes', { known: read?.revision });
      if (answer === 'known') return read;
      routesRead = answer;
      return answer;
    },
    unnamedSince: (secret, environments) => call('unnamedSince', { secret, environments }),
    applyRoutes: (command) => call('applyRoutes', command),
    listRevisions: (page) => call('listRevisions', page),
    getRevision: (revision) => call('getRevision', revision),

    createClient: (command) => call('createClient', command),
    updateClient: (command) => call('updateClient', command),
    getClient: (id) => call('getClient', id),
    listClients: (page) => call('listClients', page),
    revokeClient: (command) => call('revokeClient', command),
    clientCredentials: (ids) => call('clientCredentials', ids),

    createAdmin: (command) => call('createAdmin', command),
    listAdmins: (page) => call('listAdmins', page),
    revokeAdmin: (command) => call('revokeAdmin', command),
    findAdmin: (tokenId) => call('findAdmin', tokenId),

    createChannel: (command) => call('createChannel', command),
    updateChannel: (command) => call('updateChannel', command),
    deleteChannel: (command) => call('deleteChannel', command),
    getChannel: (id) => call('getChannel', id),
    listChannels: () => call('listChannels'),
    enqueueNotifications: (messages) => call('enqueueNotifications', messages),
    enqueueFor: (command) => call('enqueueFor', command),
    claimDeliveries: (command) => call('claimDeliveries', command),
    finishDelivery: (command) => call('finishDelivery', command),
    getDelivery: (id) => call('getDelivery', id),
    waitingDeliveries: () => call('waitingDeliveries'),
    listDeliveries: (filter) => call('listDeliveries', filter),
    tidyDeliveries: () => call('tidyDeliveries'),

    startSession: (command) => call('startSession', command),
    refuseSignIn: (command) => call('refuseSignIn', command),
    findSession: (tokenId) => call('findSession', tokenId),
    endSession: (command) => call('endSession', command),
    endSessionsOf: (command) => call('endSessionsOf', command),
    listSessions: (page) => call('listSessions', page),
    createSignInLink: (command) => call('createSignInLink', command),
    findSignInLink: (tokenId) => call('findSignInLink', tokenId),

    startCutover: (command) => call('startCutover', command),
    getCutover: (id) => call('getCutover', id),
    listCutovers: (filter) => call('listCutovers', filter),
    runningCutovers: () => call('runningCutovers'),
    advanceCutover: (command) => call('advanceCutover', command),
    holdCutover: (command) => call('holdCutover', command),
    completeCutover: (command) => call('completeCutover', command),
    rollbackCutover: (command) => call('rollbackCutover', command),
    pauseCutover: (command) => call('pauseCutover', command),
    resumeCutover: (command) => call('resumeCutover', command),
    observationsOf: (id) => call('observationsOf', id),

    ...createRotationCalls(worker, sealer, emptyLog),

    listAudit: (filter) => call('listAudit', filter),
    verifyAudit: (checkpoint) => call('verifyAudit', checkpoint),
    auditPosition: () => call('auditPosition'),
    pruneAudit: (command) => call('pruneAudit', command),
    recordAudit: (command) => call('recordAudit', command),

    recordUsage: (deltas, observations = [], requests = []) =>
      call('recordUsage', { deltas, observations, requests }),
    usageOf: (secret, environment) => call('usageOf', { secret, environment }),
    usageHistory: (filter) => call('usageHistory', filter),
    tidyUsageHistory: () => call('tidyUsageHistory'),

    raiseAlerts: (findings) => call('raiseAlerts', findings),
    resolveAlerts: (command) => call('resolveAlerts', command),
    acknowledgeAlert: (command) => call('acknowledgeAlert', command),
    getAlert: (id) => call('getAlert', id),
    listAlerts: (filter) => call('listAlerts', filter),
    openAlertCounts: () => call('openAlertCounts'),
    unseenAlertCounts: (scope) => call('unseenAlertCounts', scope),
    secretFacts: (page) => call('secretFacts', page),
    tidyAlerts: () => call('tidyAlerts'),
    unreportedRollbacks: () => call('unreportedRollbacks'),
    secretNames: (ids) => call('secretNames', ids),
    clientOfToken: (tokenStart) => call('clientOfToken', tokenStart),

    beat: (untilMs) => call('beat', untilMs),
    endHeartbeat: () => call('endHeartbeat'),
    presumeUses: () => call('presumeUses'),

    latestChange: () => call('latestChange'),
    changesSince: (seq) => call('changesSince', seq),

    beginIdempotent: (command) => call('beginIdempotent', command),
    finishIdempotent: (command) => call('finishIdempotent', command),

    async copyTo(file) {
      await createEmptyFile(file);
      await call('copyTo', file);
    },
    check: () => call('check'),
    alteredRows: () => call('alteredRows'),
    close() {
      closed = true;
      return worker.close();
    },
  };
}
