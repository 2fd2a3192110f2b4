type Given<T extends object> = { [K in keyof T]: Exclude<T[K], undefined> };

/** The fields that were sent. */
export function givenFields<T extends object>(body: T): Given<T> {
  const entries = Object.entries(body).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Given<T>;
}
