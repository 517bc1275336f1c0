import type { StoreMetrics } from '../core/metrics/store-metrics.js';
import { LineLimiter } from './line-limiter.js';
import type { Logger } from './logging-observer.js';

/** Each thing is said of a lane at most so often. */
const intervalMs = 60_000;

/**
 * Logs what an operator of the store acts on.
 *
 * @param now monotonic milliseconds.
 */
export function durableLogging(logger: Logger, now: () => number): StoreMetrics['observer'] {
  const limiter = new LineLimiter(intervalMs, now);
  return {
    onStored: () => undefined,
    onRepeats: () => undefined,
    onClaimed: (lane, events) => {
      logger.debug({ lane, events }, 'this process sends the lane from now on');
    },
    onReleased: (lane, cause) => {
      if (cause === 'lost') logger.warn({ lane }, 'the lane is somebody else’s: its lease ran out here');
      else logger.debug({ lane }, 'the lane was given back');
    },
    onStoreTrouble: (lane, error) => {
      const leftOut = limiter.admit(`trouble ${lane}`);
      if (leftOut === undefined) return;
      const fields = { ...(lane !== '' && { lane }), err: error, ...(leftOut > 0 && { leftOut }) };
      logger.warn(fields, 'the store does not do what it was asked; it is asked again, and nothing is lost meanwhile');
    },
    onLaneStopped: (lane, error) => {
      logger.error(
        { lane, err: error },
        'the lane stands still until the service is started anew; nothing of it is lost',
      );
    },
  };
}
