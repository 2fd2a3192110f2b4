import { isRunEnded, type RotationDetail, type RunDetail, type RunState } from '../core/index.js';
import { describeMoment } from './describe-time.js';
import type { Terminal } from './terminal.js';

/** The places of a run's way, in order; some runs skip some of the last. */
const PLACES: readonly (readonly RunState[])[] = [
  ['PLANNED', 'PREFLIGHT'],
  ['AWAITING_VALUE', 'MINTING', 'MINTED'],
  ['PROBING'],
  ['CUTOVER'],
  ['GRACE'],
  ['DISABLING'],
  ['SOAK'],
  ['REVOKING'],
];
const CUTOVER_PLACE = 3;

/**
 * Shows a run's way as numbered lines, each when its step is over, and in a terminal the one that is under way as it
 * goes: `[4/8] Verifying with live traffic (10 %)… 214 requests, 0 refused`.
 */
export class RunSteps {
  readonly #terminal: Terminal;
  #finished = 0;
  /** The place whose beginning was written, where no live line shows it. */
  #begun = -1;
  #note = '';

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Shows what is new. `untilEnd`: what comes after the new version is current counts as under way. */
  show(rotation: RotationDetail, run: RunDetail, untilEnd: boolean): void {
    const place = placeOf(run);
    const reached = run.state === 'DONE' ? PLACES.length : place;
    while (this.#finished < reached) {
      // Those that this run had no need of are passed over.
      if (wasThere(run, this.#finished)) this.#print(this.#finished, rotation, run, '✓');
      this.#finished++;
    }
    if (isRunEnded(run.state)) this.#showEnd(run);
    else this.#showProgress(place, rotation, run, untilEnd);
  }

  #showProgress(place: number, rotation: RotationDetail, run: RunDetail, untilEnd: boolean): void {
    this.#showNote(rotation, run);
    if (place > CUTOVER_PLACE && !untilEnd) return;
    if (this.#terminal.showsLive) {
      this.#terminal.live(`${head(place, rotation, run)}… ${detailOf(place, run)}`);
    } else if (this.#begun < place) {
      this.#begun = place;
      this.#terminal.print(`${head(place, rotation, run)}…`);
    }
  }

  #print(place: number, rotation: RotationDetail, run: RunDetail, mark: '✓' | '✗'): void {
    const { green, red } = this.#terminal.paint;
    const detail = detailOf(place, run);
    const text = `${head(place, rotation, run)}${detail === '' ? '' : `… ${detail}`} ${mark}`;
    this.#terminal.print(text, mark === '✓' ? green : red);
  }

  #showEnd({ state, reason }: RunDetail): void {
    const { red } = this.#terminal.paint;
    if (state === 'DONE') {
      this.#terminal.print(`Done: ${reason ?? 'the new key is in use, the old one is gone'}`);
      return;
    }
    const how = state === 'FAILED' ? 'Failed' : 'Rolled back';
    this.#terminal.print(`${how}: ${reason ?? 'no reason was given'}`, red);
    this.#terminal.print('The old key has been in use all the time, and still is.');
  }

  /** What keeps it from going on, once for each reason. */
  #showNote({ state }: RotationDetail, run: RunDetail): void {
    const { problem, retryAt, cutover } = run;
    const end = problem?.endsWith('.') === false ? '.' : '';
    const again = retryAt === null ? '' : `${end} It is tried again ${describeMoment(retryAt)}.`;
    const hold = cutover?.hold ?? null;
    const notes = [
      ...(state === 'paused' ? ['It is paused: nothing goes on until it is resumed.'] : []),
      ...(problem === null ? [] : [`${problem}${again}`]),
      ...(hold === null || run.state !== 'CUTOVER'
        ? []
        : [`It holds. ${hold.explanation} ${hold.whatToDo}`]),
    ];
    const note = notes.join(' ');
    if (note === this.#note) return;
    this.#note = note;
    this.#terminal.print(note === '' ? '  It goes on.' : `  ${note}`, this.#terminal.paint.yellow);
  }
}

/** Where a run is, or was when it was ended or put aside. */
function placeOf({ state, resumesAs, cutoverId, toVersion }: RunDetail): number {
  const found = PLACES.findIndex((states) => states.includes(resumesAs ?? state));
  if (found >= 0) return found;
  if (cutoverId !== null) return CUTOVER_PLACE;
  return toVersion === null ? 0 : 1;
}

function wasThere({ events }: RunDetail, place: number): boolean {
  return place <= CUTOVER_PLACE || events.some(({ state }) => PLACES[place]?.includes(state));
}

function head(place: number, { provider, secret }: RotationDetail, run: RunDetail): string {
  const old = run.fromVersion === null ? 'the old key' : `version ${run.fromVersion}`;
  const fresh = run.toVersion === null ? 'the new key' : `version ${run.toVersion}`;
  const until = run.deadlineAt === null ? '' : ` until ${describeMoment(run.deadlineAt)}`;
  const percent = run.state === 'CUTOVER' ? run.cutover?.percent : undefined;
  const texts = [
    `Checking that ${secret} can be rotated by ${provider}`,
    run.state === 'AWAITING_VALUE'
      ? 'Waiting for the new value'
      : `Making a new key at ${provider}`,
    `Trying ${fresh} before any traffic`,
    `Verifying with live traffic${percent === undefined ? '' : ` (${percent} %)`}`,
    `Keeping ${old} live beside it${run.state === 'GRACE' ? until : ''}`,
    `Disabling the key of ${old}`,
    `Waiting with it off, and not yet gone${run.state === 'SOAK' ? until : ''}`,
    `Revoking the key of ${old}`,
  ];
  return `[${place + 1}/${PLACES.length}] ${texts[place] ?? ''}`;
}

function detailOf(place: number, run: RunDetail): string {
  if (place === 1 && run.toVersion !== null) {
    return `version ${run.toVersion}${run.newKeyId === null ? '' : `, key ${run.newKeyId}`}`;
  }
  if (place !== CUTOVER_PLACE || run.cutover === null) return '';
  const { figures, waitsFor, state } = run.cutover;
  const sum = (count: (row: (typeof figures)[number]) => number): number =>
    figures.reduce((total, row) => total + count(row), 0);
  const requests = sum((row) => row.new.accepted - row.probes + row.new.refused + row.new.failed);
  const refused = sum((row) => row.new.refused);
  const parts = [`${requests} request${requests === 1 ? '' : 's'}, ${refused} refused`];
  const probes = sum((row) => row.probes);
  if (probes > 0) parts.push(`${probes} probe${probes === 1 ? '' : 's'} accepted`);
  const [first] = state === 'CANARY' || state === 'PENDING' ? waitsFor : [];
  return `${parts.join(', ')}${first === undefined ? '' : ` (${first})`}`;
}
