import type { DeadLetters, Requeue } from '../store/store.js';

/** The dead letters of a store, with the lanes told at once what was put back into them. */
export function wakingDeadLetters(letters: DeadLetters, wake: (lane: string) => void): DeadLetters {
  return {
    list: (...args) => letters.list(...args),
    get: (id) => letters.get(id),
    remove: (ids) => letters.remove(ids),
    stats: () => letters.stats(),
    requeue: async (requeues: readonly Requeue[]) => {
      const ids = await letters.requeue(requeues);
      for (const lane of new Set(requeues.map(({ chunk }) => chunk.lane))) wake(lane);
      return ids;
    },
  };
}
