import { AppError, nearestName, type Store } from './core/index.js';

/** Throws `environment_unknown` with the nearest spelling: a misspelt name must not stand for nothing. */
export async function requireDeclared(
  store: Pick<Store, 'listEnvironments'>,
  flag: string,
  environments: readonly string[],
): Promise<void> {
  const declared = (await store.listEnvironments()).map(({ name }) => name);
  const unknown = environments.find((name) => !declared.includes(name));
  if (unknown === undefined) return;
  const nearest = nearestName(unknown, declared);
  const question = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  throw new AppError(
    'environment_unknown',
    `${flag}: "${unknown}" is not declared; declared are ${declared.join(', ')}.${question}`,
  );
}
