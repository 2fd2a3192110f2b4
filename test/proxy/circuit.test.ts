import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Circuit } from '../../src/proxy/circuit.js';

const SEED = 3_0032;

type Step =
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'send' }
  | { readonly do: 'succeed' | 'fail' | 'leave'; readonly which: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ do: fc.constant('send' as const) }),
    fc.record({
      do: fc.constantFrom('succeed' as const, 'fail' as const, 'fail' as const, 'leave' as const),
      which: fc.nat(),
    }),
  ),
  { maxLength: 300 },
);

/** The same machine, told as what happened and not as what is stored. */
class Model {
  state: 'closed' | 'open' | 'waiting' | 'probing' = 'closed';
  row = 0;
  openedAt = 0;

  seen(now: number, openMs: number): 'closed' | 'open' | 'half_open' {
    if (this.state === 'open' && now - this.openedAt >= openMs) this.state = 'waiting';
    if (this.state === 'closed' || this.state === 'open') return this.state;
    return 'half_open';
  }
}

test('a circuit goes through its states as the model says, whatever happens in which order', () => {
  const settings = fc.record({
    failures: fc.integer({ min: 1, max: 5 }),
    openMs: fc.integer({ min: 1, max: 100 }),
  });
  const causes = fc.constantFrom('a', undefined);
  const property = fc.property(
    settings,
    causes,
    steps,
    ({ failures, openMs }, cause, all: readonly Step[]) => {
      const breaker = { failures, openMs, countServerErrors: false };
      const circuit = new Circuit();
      const model = new Model();
      const underWay: { readonly isProbe: boolean }[] = [];
      let now = 0;
      for (const step of all) {
        const state = model.seen(now, openMs);
        expect(circuit.state(now)).toBe(state);
        expect(circuit.isClosed).toBe(state === 'closed');
        if (step.do === 'pass') {
          now += step.ms;
        } else if (step.do === 'send') {
          const admitted = circuit.admit(now, 'a');
          if (state === 'closed') {
            expect(admitted).toBe('pass');
            underWay.push({ isProbe: false });
          } else if (model.state === 'waiting') {
            expect(admitted).toBe('probe');
            model.state = 'probing';
            underWay.push({ isProbe: true });
          } else {
            expect(admitted).toBeGreaterThan(0);
          }
          // Never two at once.
          expect(underWay.filter(({ isProbe }) => isProbe).length).toBeLessThanOrEqual(1);
        } else {
          const [one] = underWay.splice(step.which % (underWay.length || 1), 1);
          if (one === undefined) continue;
          const decides = state === 'closed' || one.isProbe;
          if (step.do === 'succeed') {
            circuit.succeed(one.isProbe, 'a');
            if (decides) Object.assign(model, { state: 'closed', row: 0 });
          } else if (step.do === 'fail') {
            if (decides) model.row++;
            const opens = state === 'closed' && model.row >= failures;
            expect(circuit.fail(one.isProbe, now, breaker, 'a', cause)).toBe(opens);
            if (opens || one.isProbe) Object.assign(model, { state: 'open', openedAt: now });
          } else if (one.isProbe) {
            circuit.abandon('a');
            model.state = 'waiting';
          }
        }
      }
    },
  );
  fc.assert(property, { seed: SEED, numRuns: 500 });
});
