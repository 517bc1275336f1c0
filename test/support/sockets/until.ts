import { setTimeout as delay } from 'node:timers/promises';

/** Between two looks, so that whoever is waited for has the processor. */
const pauseMs = 5;

/** How long what must end may take to do so on a busy machine; shorter than the tests' time limit, so that they say what is left. */
const patienceMs = 60_000;

/** Resolves once it is so. How long that takes is the test's time limit's affair alone. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(pauseMs);
}

/** What is left once nothing is, or after a long while. */
export async function leftOf(count: () => number): Promise<number> {
  const giveUpAt = performance.now() + patienceMs;
  await until(() => count() === 0 || performance.now() > giveUpAt);
  return count();
}
