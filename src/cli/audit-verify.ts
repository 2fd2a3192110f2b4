import { Option } from 'commander';
import type { AuditCheckpoint, AuditFinding, AuditVerification } from '../core/index.js';
import { readCheckpoint } from './audit-checkpoint.js';
import { checkExport, requireKey } from './check-export.js';
import { addCommand, type Registry, type Session } from './command.js';
import { CommandFailure, type ExitCode } from './command-failure.js';
import { describeMoment } from './describe-time.js';

interface VerifyOptions {
  readonly checkpoint?: string;
  readonly export?: string;
  readonly publicKey?: string;
}

const FINDINGS: Readonly<Record<AuditFinding, (row: number) => string>> = {
  altered: (row) => `row ${row} does not fit`,
  missing: (row) => `row ${row} does not fit: rows before it were removed, or it was the next`,
  added: (row) => `row ${row} stands before the first`,
  damaged: (row) => `the file is damaged from row ${row} on`,
  head_altered: (row) => `what says that row ${row - 1} is the newest was altered`,
  checkpoint_missing: (row) => `the rows from ${row} on, which the checkpoint knew, are gone`,
  checkpoint_differs: (row) => `row ${row} is another than when the checkpoint was made`,
};

/** `keyferry audit verify`: the log of a server, also against a checkpoint; or an export, without a server. */
export function addAuditVerify(noun: Registry): void {
  addCommand<VerifyOptions>(noun, {
    usage: 'verify',
    summary: 'check that every row of the audit log follows from the one before it',
    example: 'audit verify --checkpoint audit-2026-11-21.json',
    notes: [
      'With --export it needs no server: it checks that a file is what a server exported, as a whole.',
    ],
    options: [
      new Option('--checkpoint <file>', 'also that the log still has the row of this checkpoint'),
      new Option('--export <file>', 'check this export instead').conflicts('checkpoint'),
      new Option('--public-key <key>', 'the key that must have signed the checkpoint or export'),
    ],
    async act(session, options) {
      if (options.export !== undefined) {
        return checkExport(session, options.export, options.publicKey);
      }
      const checkpoint =
        options.checkpoint === undefined
          ? undefined
          : await readCheckpoint(session, options.checkpoint);
      if (checkpoint !== undefined) requireKey(checkpoint.publicKey, options.publicKey);
      return verifyLog(session, checkpoint, options.publicKey !== undefined);
    },
  });
}

async function verifyLog(
  { api, json, terminal }: Session,
  checkpoint: AuditCheckpoint | undefined,
  keyIsKnown: boolean,
): Promise<ExitCode> {
  if (checkpoint !== undefined) {
    const now = await api().get<AuditCheckpoint>('/v1/audit/checkpoint');
    if (now.databaseId !== checkpoint.databaseId) {
      throw new CommandFailure(
        `the checkpoint is of the database ${checkpoint.databaseId}; the server has ${now.databaseId}`,
      );
    }
    if (now.publicKey !== checkpoint.publicKey && !keyIsKnown) {
      terminal.warn(
        'the checkpoint was signed with another key than the server has now: before a rekey, or not by this server',
      );
    }
  }
  const query = checkpoint === undefined ? {} : { seq: checkpoint.seq, mac: checkpoint.mac };
  const answer = await api().get<AuditVerification>('/v1/audit/verify', query);
  if (json) terminal.json(answer);
  else terminal.print(describe(answer, checkpoint));
  return answer.ok ? 0 : 2;
}

function describe(answer: AuditVerification, checkpoint: AuditCheckpoint | undefined): string {
  const { ok, rows, prunedThrough, firstBroken = 0, finding = 'altered' } = answer;
  if (!ok) return `✗ The audit log was changed: ${FINDINGS[finding](firstBroken)}.`;
  const pruned = prunedThrough === undefined ? '' : ` Rows up to ${prunedThrough} were pruned.`;
  const at = checkpoint === undefined ? '' : describeMoment(checkpoint.at);
  const compared = {
    contained: ` It has the row of the checkpoint of ${at}.`,
    pruned: ` The row of the checkpoint of ${at} was pruned since.`,
    none: '',
  }[answer.checkpoint ?? 'none'];
  return `✓ The audit log is whole: ${rows} rows.${pruned}${compared}`;
}
