import { Option } from 'commander';
import type { AppliedAnswer, RevisionAnswer, RoutesAnswer } from '../core/index.js';
import { addCommand, parseWholeNumber, type Registry, type Session } from './command.js';
import { compareRoutes } from './compare-routes.js';
import { describeMoment } from './describe-time.js';
import { printRouteChange } from './print-route-change.js';

/** `keyferry routes revisions|compare|restore`. */
export function addRevisions(noun: Registry): void {
  addCommand(noun, {
    usage: 'revisions',
    summary: 'list every document that was applied, newest first',
    example: 'routes revisions',
    act: list,
  });
  addCommand(noun, {
    usage: 'compare <from> [to]',
    summary: 'show what changed between two revisions (to: the one in use)',
    example: 'routes compare 3 4',
    act: compare,
  });
  addCommand<{ readonly allowMissing?: boolean }>(noun, {
    usage: 'restore <revision>',
    summary: 'apply an earlier revision again, as a new one',
    example: 'routes restore 3',
    options: [
      new Option('--allow-missing', 'although a secret has no value (requests to it will fail)'),
    ],
    async act({ api, json, terminal }, { allowMissing }, text) {
      const path = `/v1/routes/revisions/${revision(text)}/restore`;
      const answer = await api().post<AppliedAnswer>(path, undefined, { query: { allowMissing } });
      if (json) return terminal.json(answer);
      terminal.print(`Revision ${answer.revision} is in use: it restores revision ${text}.`);
    },
  });
}

async function list({ api, json, terminal }: Session): Promise<void> {
  const items = await api().listPaged<RevisionAnswer>('/v1/routes/revisions');
  if (json) return terminal.json({ items });
  if (items.length === 0) {
    terminal.print('No routes were applied yet.');
    return terminal.hint('Apply some: keyferry routes apply routes.json');
  }
  terminal.table(
    [
      { title: 'REVISION', align: 'right' },
      { title: 'APPLIED' },
      { title: 'BY', shrinks: true },
      { title: 'SOURCE' },
      { title: 'RESTORES', align: 'right' },
    ],
    items.map((item) => [
      String(item.revision),
      describeMoment(item.createdAt),
      item.createdBy ?? '–',
      item.source ?? '–',
      item.restores === null ? '–' : String(item.restores),
    ]),
  );
  terminal.hint('See what changed: keyferry routes compare FROM TO');
}

async function compare(
  { api, json, terminal }: Session,
  _options: unknown,
  fromText: string,
  toText: string,
): Promise<void> {
  const toPath = toText === '' ? '/v1/routes' : `/v1/routes/revisions/${revision(toText)}`;
  const [from, to] = await Promise.all([
    api().get<RoutesAnswer>(`/v1/routes/revisions/${revision(fromText)}`),
    api().get<RoutesAnswer>(toPath),
  ]);
  const changes = compareRoutes(from.document, to.document);
  if (json) return terminal.json({ from: from.revision, to: to.revision, changes });
  if (changes.length === 0) {
    return terminal.print(`Revisions ${from.revision} and ${to.revision} say the same.`);
  }
  for (const change of changes) printRouteChange(terminal, change);
}

/** 0 is the time before the first one. */
function revision(text: string): number {
  return parseWholeNumber(text, 'the revision', 0);
}
