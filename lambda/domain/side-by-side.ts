/** Does some work for each of many, `most` at once. Settled, so that none is under way any more when the first failure is thrown. */
export async function sideBySide<T>(
  all: readonly T[],
  most: number,
  work: (one: T) => Promise<void>,
): Promise<void> {
  const rest = all.values();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const one of rest) {
      try {
        await work(one);
      } catch (cause) {
        failures.push(cause);
      }
    }
  };
  await Promise.all(Array.from({ length: most }, worker));
  if (failures.length > 0) {
    throw failures[0];
  }
}
