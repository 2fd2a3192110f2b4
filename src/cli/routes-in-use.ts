import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type {
  AppliedAnswer,
  Route,
  RoutesAnswer,
  RoutesDocument,
  ValidationAnswer,
} from '../core/index.js';
import type { Session } from './command.js';
import { CommandFailure } from './command-failure.js';
import { nextSteps } from './next-steps.js';
import type { EditedRoutes, SecretReplacement } from './ports.js';
import { replaceFile } from './replace-file.js';

/** The routes that a server uses, where they are kept. */
export interface RoutesInUse {
  /** The file that the server follows; undefined = its store. */
  readonly file: string | undefined;
  /** What the file holds, or the document of the store as text. */
  readonly text: string;
  readonly revision: number;
}

/** How long a server may take to see a changed file: it looks every quarter of a second. */
const TAKEN_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 200;

/**
 * Finds the routes of the server: in its store, or in the file that it follows. `file` says where that one is on this
 * machine, where the server's own path does not lead to it. Throws a CommandFailure when it does not say what the
 * server uses, but for `alike`: secrets of which it may name one where the server uses the other.
 */
export async function openRoutesInUse(
  session: Session,
  file: string | undefined,
  alike: readonly SecretReplacement[] = [],
): Promise<RoutesInUse> {
  const api = session.api();
  const [status, { document, revision }] = await Promise.all([
    api.get<{ readonly routes: { readonly file: string | null } }>('/v1/status'),
    api.get<RoutesAnswer>('/v1/routes'),
  ]);
  const served = status.routes.file;
  if (served === null) {
    if (file === undefined) {
      return { file, text: JSON.stringify(document, undefined, 2), revision };
    }
    throw new CommandFailure(
      '--file is for a server that follows a routes file; this one does not',
    );
  }
  const path = file ?? served;
  const text = await readText(path, served);
  const { document: written, problems } = await session.ports.readRoutes(text, path);
  if (written === undefined) {
    throw new CommandFailure(`${path} is not a valid routes document`, { problems });
  }
  const used = JSON.stringify(document);
  const [ours, theirs] = await Promise.all(
    [text, used].map((it) => session.ports.replaceSecrets(it, path, alike)),
  );
  if (ours === undefined || theirs === undefined || !saysTheSame(ours.after, theirs.after)) {
    throw new CommandFailure(`${path} does not say what the server uses`, {
      hints: [
        `The server follows ${served}. Where it is on this machine: --file FILE`,
        'If it is that file, the server has refused its last change: see the log of the server.',
      ],
    });
  }
  return { file: path, text, revision };
}

/** Whether a file says what the server uses. A limited token sees a part of that. */
function saysTheSame(written: RoutesDocument, used: RoutesDocument): boolean {
  const byName = new Map(written.routes.map((route) => [route.name, route]));
  return used.routes.every((route) => {
    const whole = byName.get(route.name);
    return whole !== undefined && isDeepStrictEqual(narrowed(whole, route), route);
  });
}

function narrowed(whole: Route, { environments }: Route): Route {
  const kept = Object.entries(whole.environments).filter(([name]) =>
    Object.hasOwn(environments, name),
  );
  return { ...whole, environments: Object.fromEntries(kept) };
}

/** Puts edited routes to use, and answers with the revision that is in use then. */
export async function useRoutes(
  session: Session,
  { file, text, revision }: RoutesInUse,
  { text: edited, after }: EditedRoutes,
): Promise<number> {
  const api = session.api();
  if (file === undefined) {
    const headers = { 'if-match': `"${revision}"` };
    const query = { allowMissing: true };
    return (await api.put<AppliedAnswer>('/v1/routes', after, { headers, query })).revision;
  }
  const query = { allowMissing: true };
  const { problems } = await api.post<ValidationAnswer>('/v1/routes/validate', after, { query });
  if (problems.length > 0) {
    throw new CommandFailure(`${file} could not be used as it would be: it was not changed`, {
      exitCode: 2,
      problems,
      hints: nextSteps('routes_invalid'),
    });
  }
  await replaceFile(file, text, edited);
  return untilTaken(session, file, after);
}

async function untilTaken(session: Session, file: string, after: RoutesDocument): Promise<number> {
  const deadlineMs = performance.now() + TAKEN_WITHIN_MS;
  for (;;) {
    const { document, revision } = await session.api().get<RoutesAnswer>('/v1/routes');
    if (saysTheSame(after, document)) return revision;
    if (performance.now() > deadlineMs) {
      throw new CommandFailure(`${file} was written, and the server does not use it`, {
        hints: ['Its log says why: routes_file_rejected. Is it the file that the server follows?'],
      });
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function readText(file: string, served: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandFailure(`the routes file ${file} cannot be read (${code})`, {
      hints: [`The server follows ${served}. Where it is on this machine: --file FILE`],
    });
  }
}
