import type { CutoverCounts, CutoverWithFigures, StepFiguresAnswer } from '../core/index.js';
import { newName, oldName, probesRefused } from './cutover-names.js';
import { describeMoment } from './describe-time.js';
import type { Terminal } from './terminal.js';

/**
 * Shows a cutover's way as numbered lines, each when its step is over, and in a terminal the one that is under way
 * as it goes: `[3/5] Verifying with live traffic (10 %)… 214 requests, 0 refused ✓`.
 */
export class CutoverSteps {
  readonly #terminal: Terminal;
  /** Lines that stand before the first of these. */
  readonly #before: number;
  #finished = 0;
  /** The place whose beginning was written, where no live line shows it. */
  #begun = -1;
  #note = '';

  constructor(terminal: Terminal, before: number) {
    this.#terminal = terminal;
    this.#before = before;
  }

  /** Writes a line that stands before those of the cutover; `at` counts from 1. */
  writeBefore(at: number, text: string, steps: readonly number[]): void {
    this.#terminal.print(`[${at}/${this.#before + placesOf(steps)}] ${text}`);
  }

  /** Shows what is new. `untilEnd`: the window counts as a step that is under way. */
  show(cutover: CutoverWithFigures, untilEnd: boolean): void {
    if (cutover.state === 'ROLLED_BACK') this.#showRollback(cutover);
    else this.#showProgress(cutover, untilEnd);
  }

  #showProgress(cutover: CutoverWithFigures, untilEnd: boolean): void {
    const { state, settings } = cutover;
    const last = placesOf(settings.steps) - 1;
    const place =
      state === 'PENDING' ? 0 : state === 'CANARY' ? 1 + cutover.step : untilEnd ? last : last + 1;
    const isOver = state === 'COMPLETED';
    while (this.#finished < (isOver ? last + 1 : place)) {
      this.#print(this.#finished, cutover, '✓');
      this.#finished++;
    }
    if (isOver || place > last) return;
    this.#showNote(cutover);
    if (this.#terminal.showsLive) {
      this.#terminal.live(this.#liveLine(place, cutover));
    } else if (this.#begun < place) {
      this.#begun = place;
      this.#terminal.print(`${this.#head(place, cutover)}…`);
    }
  }

  /** What keeps it from going on, once for each reason. */
  #showNote({ hold, paused }: CutoverWithFigures): void {
    const note = paused
      ? 'It is paused: nothing goes on until it is resumed.'
      : hold === null
        ? ''
        : `It holds. ${hold.explanation} ${hold.whatToDo}`;
    if (note === this.#note) return;
    this.#note = note;
    this.#terminal.print(note === '' ? '  It goes on.' : `  ${note}`, this.#terminal.paint.yellow);
  }

  #showRollback(cutover: CutoverWithFigures): void {
    const { red } = this.#terminal.paint;
    const place = Math.max(this.#finished, placeOfEnd(cutover));
    while (this.#finished < place) {
      this.#print(this.#finished, cutover, '✓');
      this.#finished++;
    }
    if (place < placesOf(cutover.settings.steps)) this.#print(place, cutover, '✗');
    this.#terminal.print(`Rolled back: ${cutover.reason ?? 'no reason was given'}`, red);
    this.#terminal.print(`Every request takes ${oldName(cutover)} again.`);
  }

  #print(place: number, cutover: CutoverWithFigures, mark: '✓' | '✗'): void {
    const { green, red } = this.#terminal.paint;
    this.#terminal.print(`${this.#line(place, cutover)} ${mark}`, mark === '✓' ? green : red);
  }

  #line(place: number, cutover: CutoverWithFigures): string {
    const detail = detailOf(place, cutover);
    const head = this.#head(place, cutover);
    return detail === '' ? head : `${head}… ${detail}`;
  }

  /** Short enough for a narrow terminal, so without what is said when the step is over. */
  #liveLine(place: number, cutover: CutoverWithFigures): string {
    const head = `${this.#head(place, cutover)}…`;
    const counts = place === 0 ? undefined : countsOf(place, cutover);
    if (counts === undefined) return head;
    const [first] = cutover.state === 'CANARY' ? cutover.waitsFor : [];
    const { accepted, refused, failed } = counts.new;
    const parts = [counted(accepted - counts.probes + refused + failed, 'request')];
    if (refused > 0) parts.push(`${refused} refused`);
    return `${head} ${parts.join(', ')}${first === undefined ? '' : ` (${first})`}`;
  }

  #head(place: number, cutover: CutoverWithFigures): string {
    const { steps } = cutover.settings;
    const number = `[${this.#before + place + 1}/${this.#before + placesOf(steps)}]`;
    const last = placesOf(steps) - 1;
    if (place === 0) return `${number} Trying ${newName(cutover)} before any traffic`;
    if (place === last - 1) return `${number} Current: every request takes ${newName(cutover)}`;
    if (place < last) return `${number} Verifying with live traffic (${steps[place - 1]} %)`;
    const until = describeMoment(cutover.windowEndsAt);
    return `${number} Keeping ${oldName(cutover)} live beside it until ${until}`;
  }
}

/** Trying, each step below 100 %, current, and the window. */
function placesOf(steps: readonly number[]): number {
  return steps.length + 2;
}

/** Where one that was rolled back had come to: two steps within a second may not have been seen. */
function placeOfEnd({ currentSince, settings, step, figures }: CutoverWithFigures): number {
  if (currentSince !== null) return placesOf(settings.steps) - 1;
  const hadRequests = figures.some(({ clients }) => clients > 0);
  return step > 0 || hadRequests ? 1 + step : 0;
}

function detailOf(place: number, cutover: CutoverWithFigures): string {
  const { figures, settings } = cutover;
  const last = placesOf(settings.steps) - 1;
  if (place === 0) {
    const probes = figures.find(({ step }) => step === 0)?.probes ?? 0;
    if (probesRefused(cutover)) return 'refused';
    return probes === 0 ? 'no route has a probe' : `${counted(probes, 'probe')} accepted`;
  }
  if (place === last - 1) return '';
  const found = countsOf(place, cutover);
  if (found !== undefined) return describeCounts(found.new, found.probes);
  return place === last ? '' : '0 requests';
}

/** The figures of the requests at a place; undefined where there were none. */
function countsOf(
  place: number,
  { figures, settings }: CutoverWithFigures,
): StepFiguresAnswer | undefined {
  const isWindow = place === placesOf(settings.steps) - 1;
  const step = isWindow ? settings.steps.length - 1 : place - 1;
  return figures.find((row) => row.step === step);
}

/** `214 requests, 0 refused`; what else there was only where it was. Probes are no requests of apps. */
function describeCounts(counts: CutoverCounts, probes: number): string {
  const { accepted, refused, failed, pairedRefusals, sharedRefusals } = counts;
  const parts = [counted(accepted - probes + refused + failed, 'request'), `${refused} refused`];
  if (pairedRefusals > 0) parts.push(`${pairedRefusals} of them accepted with the other version`);
  if (sharedRefusals > 0) parts.push(`${sharedRefusals} of them refused with both`);
  if (failed > 0) parts.push(`${failed} failed`);
  if (probes > 0) parts.push(`${counted(probes, 'probe')} accepted`);
  return parts.join(', ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
