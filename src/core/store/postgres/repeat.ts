import type { Clock } from '../../clock.js';

/**
 * Runs `run`, `firstMs` from now and then again and again, each time as many milliseconds after its end as it resolves
 * with. It must not reject.
 *
 * @returns ends that; a run that is under way finishes.
 */
export function repeat(clock: Clock, firstMs: number, run: () => Promise<number>): () => void {
  let isStopped = false;
  let cancel = clock.schedule(firstMs, next);
  function next(): void {
    void run().then((ms) => {
      if (!isStopped) cancel = clock.schedule(ms, next);
    });
  }
  return () => {
    isStopped = true;
    cancel();
  };
}
