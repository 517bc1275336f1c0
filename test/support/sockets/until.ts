import { setTimeout as delay } from 'node:timers/promises';

/** Between two looks, so that whoever is waited for has the processor. */
const pauseMs = 5;

/** Resolves once it is so. How long that takes is the test's time limit's affair alone. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(pauseMs);
}
