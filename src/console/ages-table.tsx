import type { FC } from 'hono/jsx';
import type { AgeBand, SecretAgesAnswer } from '../core/index.js';
import { AGE_TONES, Mark } from './mark.js';
import { Distance } from './moment.js';

/** How old the current versions are, by environment; what is judged otherwise than fresh stands out. */
export const AgesTable: FC<{ readonly ages: SecretAgesAnswer; readonly nowMs: number }> = ({
  ages: { countedAt, environments },
  nowMs,
}) => {
  if (countedAt === null) return <p class="quiet">They are being counted.</p>;
  const bands = environments[0]?.bands ?? [];
  if (bands.length === 0) return <p class="quiet">No environment has a value yet.</p>;
  return (
    <>
      <div class="scrolls" tabindex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Environment</th>
              {bands.map((_, index) => (
                <th scope="col">{describeBand(bands, index)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {environments.map(({ environment, bands: counted }) => (
              <tr>
                <th scope="row">{environment}</th>
                {counted.map((band) => (
                  <Counted band={band} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="small quiet">
        Current values, counted <Distance at={countedAt} nowMs={nowMs} />.
      </p>
    </>
  );
};

const Counted: FC<{ readonly band: AgeBand }> = ({ band }) => {
  const { fresh, ageing, overdue } = band;
  const total = fresh + ageing + overdue;
  if (total === 0) {
    return (
      <td class="absent">
        <span class="quiet">–</span>
      </td>
    );
  }
  return (
    <td>
      {total.toLocaleString('en')}
      {(['ageing', 'overdue'] as const).map(
        (mark) =>
          band[mark] > 0 && (
            <>
              {' '}
              <Mark tone={AGE_TONES[mark]}>{`${band[mark].toLocaleString('en')} ${mark}`}</Mark>
            </>
          ),
      )}
    </td>
  );
};

/** `up to 30 d`, `30–90 d`, `over 365 d`. */
function describeBand(bands: readonly AgeBand[], index: number): string {
  const from = bands[index - 1]?.belowDays;
  const below = bands[index]?.belowDays ?? null;
  if (from === undefined || from === null) return `under ${below} d`;
  return below === null ? `over ${from} d` : `${from}–${below} d`;
}
