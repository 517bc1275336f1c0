import { getHeapStatistics } from 'node:v8';

export interface OverloadGuardOptions {
  readonly maxConcurrentRequests: number;
  /** Bytes of bodies that all requests together may hold. */
  readonly maxBodyBytesInFlight: number;
  /** Share of V8's heap, 0 to 1, above which nothing is admitted. */
  readonly maxHeapUsedRatio: number;
  /** The share in use now. */
  readonly heapUsedRatio: () => number;
  /** Milliseconds of any clock. */
  readonly now: () => number;
}

export type OverloadReason = 'memory_fencing' | 'too_many_requests' | 'too_many_bytes';

export type Admission =
  | {
      readonly ok: true;
      /** Gives everything back; called again, it does nothing. */
      release(): void;
      /** Books bytes that nobody announced; false, and nothing is booked, when the budget is used up. */
      grow(bytes: number): boolean;
    }
  | { readonly ok: false; readonly reason: OverloadReason };

export interface OverloadSnapshot {
  readonly concurrentRequests: number;
  readonly bodyBytesInFlight: number;
}

export interface OverloadGuard {
  /** @param bytes the announced length of the body; 0 where it is unknown, and `grow` for what then arrives. */
  admit(bytes: number): Admission;
  snapshot(): OverloadSnapshot;
}

/** A look at the heap costs microseconds; a hundred requests in one tick need not each pay for it. */
const heapSampleMs = 100;

/**
 * Decides which requests may come in, before any of their body is read.
 *
 * Fails closed: a refused request is answered with a status that has rudder-server send it again, and costs a delay. One
 * request too many ends the process, and with it the answers of all others, which are then sent again at once, to the next
 * process. It refuses no longer than it must: V8 collects what refused requests leave behind by itself (measured with Node
 * 20.20, a heap limit of 470 MB and 80 % of it garbage: within 20 s while refusing, within 50 s when nobody asks).
 *
 * The bytes in flight stay within the budget, except that a request that alone holds all of them may be of any size:
 * otherwise a body longer than the budget would never come through. How long one body may be is the caller's rule.
 */
export function createOverloadGuard(options: OverloadGuardOptions): OverloadGuard {
  let concurrentRequests = 0;
  let bodyBytesInFlight = 0;
  let sample: { readonly at: number; readonly ratio: number } | undefined;

  const sampledRatio = (): number => {
    const now = options.now();
    // A clock that was set back would otherwise keep an old sample for long.
    if (sample === undefined || now - sample.at >= heapSampleMs || now < sample.at) {
      sample = { at: now, ratio: options.heapUsedRatio() };
    }
    return sample.ratio;
  };
  const hasRoom = (held: number, more: number): boolean =>
    bodyBytesInFlight + more <= options.maxBodyBytesInFlight || bodyBytesInFlight === held;

  return {
    admit: (bytes) => {
      requireByteCount(bytes);
      if (sampledRatio() > options.maxHeapUsedRatio) return { ok: false, reason: 'memory_fencing' };
      if (concurrentRequests >= options.maxConcurrentRequests) return { ok: false, reason: 'too_many_requests' };
      if (!hasRoom(0, bytes)) return { ok: false, reason: 'too_many_bytes' };
      concurrentRequests += 1;
      bodyBytesInFlight += bytes;
      let held = bytes;
      let isOpen = true;
      return {
        ok: true,
        release: () => {
          if (!isOpen) return;
          isOpen = false;
          concurrentRequests -= 1;
          bodyBytesInFlight -= held;
        },
        grow: (more) => {
          requireByteCount(more);
          if (!isOpen || !hasRoom(held, more)) return false;
          held += more;
          bodyBytesInFlight += more;
          return true;
        },
      };
    },
    snapshot: () => ({ concurrentRequests, bodyBytesInFlight }),
  };
}

/** The share of V8's heap limit that is in use, garbage that is not yet collected included. */
export function heapUsedRatio(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used / limit;
}

/** One NaN would make every later sum NaN, and the guard a door that is always open or always shut. */
function requireByteCount(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`not a number of bytes: ${bytes}`);
}
