import { openKeyferryStore } from '../../src/open-store.js';

/**
 * What a data folder lacks of the values that were written to `production`, by `secret version`; and whether its
 * audit log is broken. Each in a sentence.
 */
export async function lostWrites(
  dataDir: string,
  written: ReadonlyMap<string, string>,
): Promise<string[]> {
  const clock = { now: () => Date.now() };
  const { store } = await openKeyferryStore({ dataDir, clock, createIfMissing: false });
  const places = [...written.keys()];
  const answers = await store.resolveValues(
    places.map((place) => {
      const [secret = '', version] = place.split(' ');
      return { secret, environment: 'production', version: Number(version) };
    }),
  );
  const expected = [...written.values()];
  const problems = answers.flatMap((answer, index) => {
    const found =
      answer.status === 'found' ? Buffer.from(answer.value.expose()).toString() : answer.status;
    return found === expected[index]
      ? []
      : [`${places[index]} is ${found}, not ${expected[index]}`];
  });
  const audit = await store.verifyAudit();
  if (!audit.ok) problems.push(`the audit log is broken: ${JSON.stringify(audit)}`);
  await store.close();
  return problems;
}
