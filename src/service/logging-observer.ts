import type { Logger as PinoLogger } from 'pino';

import type { LaneTarget } from '../core/batching/operation.js';
import type { BreakerState } from '../core/delivery/breaker.js';
import type { DeliveryObserver, WaitCause } from '../core/delivery/delivery-observer.js';
import { LineLimiter } from './line-limiter.js';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

/** A lane says each thing at most so often above the level `debug`, and how often it left it out. */
const intervalMs = 60_000;

const waitLines: Readonly<Record<WaitCause, { readonly level: 'info' | 'warn' | 'error'; readonly message: string }>> =
  {
    retry: { level: 'warn', message: 'delivery failed; the lane waits before it tries again' },
    throttled: { level: 'warn', message: 'Heap asks the lane to slow down' },
    halted: {
      level: 'error',
      message:
        'Heap refuses this app: check its app_id, region and URL. It is asked again by itself, and at once when you resume it',
    },
    lane_limit: { level: 'info', message: 'the app has used up its rate limit at Heap' },
    identity_limit: { level: 'info', message: 'an identity of the app has used up its rate limit at Heap' },
  };

/**
 * Logs what an operator acts on. Heap's words may quote an event, so they stay at `debug`, as does everything that
 * comes with each request. Waits are told with their cause, so the changes of mode that go with them are not told again;
 * that a lane flows again, or a breaker closed, is told where the standstill was, and only there.
 *
 * @param now monotonic milliseconds.
 */
export function loggingObserver(logger: Logger, now: () => number): DeliveryObserver {
  const limiter = new LineLimiter(intervalMs, now);
  /** What a line says of those before it; `undefined` where it has to be left out itself. */
  const admit = (subject: string): { readonly leftOut?: number } | undefined => {
    const leftOut = limiter.admit(subject);
    return leftOut === 0 ? {} : leftOut === undefined ? undefined : { leftOut };
  };
  /** Lanes and breakers of which a standstill was the last thing told. */
  const standing = new Set<string>();

  const onBreaker = (scope: 'lane' | 'host', name: string, fields: object, state: BreakerState): void => {
    const subject = `breaker of ${scope} ${name}`;
    logger.debug({ ...fields, state }, `the breaker of the ${scope} changed`);
    if (state === 'open') {
      const leftOut = admit(subject);
      if (leftOut === undefined) return;
      standing.add(subject);
      logger.warn(
        { ...fields, state, ...leftOut },
        `the breaker of the ${scope} opened: only a probe goes out now and then`,
      );
    } else if (state === 'closed' && standing.delete(subject)) {
      logger.warn({ ...fields, state }, `the breaker of the ${scope} closed: it is well again`);
    }
  };

  return {
    onReply: ({ kind, path, lane, items, bytes }, reply, seconds) => {
      logger.debug({ kind, path, ...nameOf(lane), items: items.length, bytes, reply, seconds }, 'request to Heap');
    },
    onWait: (lane, cause, ms, detail) => {
      const { level, message } = waitLines[cause];
      const fields = { ...nameOf(lane), cause, ms: Number.isFinite(ms) ? Math.round(ms) : null };
      logger.debug({ ...fields, detail }, message);
      const leftOut = admit(`${lane.key} ${cause}`);
      if (leftOut === undefined) return;
      if (cause !== 'lane_limit' && cause !== 'identity_limit') standing.add(lane.key);
      const help = cause === 'halted' ? { resume: resumeOf(lane) } : {};
      logger[level]({ ...fields, detail: statusOf(detail), ...leftOut, ...help }, message);
    },
    onTransition: (lane, from, to) => {
      logger.debug({ ...nameOf(lane), from, to }, 'the lane goes on differently');
      if (to === 'flowing' && standing.delete(lane.key)) {
        logger.info({ ...nameOf(lane), from }, 'the lane flows again');
      }
    },
    onPaused: (lane, { signature, rejected, decided }) => {
      standing.add(lane.key);
      logger.debug({ ...nameOf(lane), signature }, 'what Heap says to what it rejects');
      // Rare, and nothing else happens to the lane until somebody acts: never left out.
      logger.error(
        { ...nameOf(lane), rejected, decided, resume: resumeOf(lane) },
        'Heap suddenly rejects much of this app for one reason, so its lane is paused: look at it, mend the cause, resume it',
      );
    },
    onLaneBreaker: (lane, _from, to) => {
      onBreaker('lane', lane.key, nameOf(lane), to);
    },
    onHostBreaker: (host, _from, to) => {
      onBreaker('host', host, { host }, to);
    },
    onRetry: ({ kind, lane, items }) => {
      logger.debug({ kind, ...nameOf(lane), items: items.length }, 'trying again');
    },
    onSplit: ({ kind, lane, items }) => {
      logger.debug({ kind, ...nameOf(lane), items: items.length }, 'sending a piece of what Heap refused as a whole');
    },
    onSearched: (lane, kind, requests, culprits) => {
      const leftOut = admit(`${lane.key} search`);
      if (leftOut === undefined) return;
      const fields = { ...nameOf(lane), kind, requests, culprits, ...leftOut };
      logger.warn(fields, 'Heap refused a request as a whole; it was sent in pieces to find what is wrong in it');
    },
    onDelivered: () => undefined,
    onFault: (error) => {
      logger.error({ err: error }, 'delivery met a fault of this service');
    },
  };
}

function nameOf({ region, appId }: LaneTarget): { readonly region: string; readonly appId: string } {
  return { region, appId };
}

/** What to ask the operator port. */
function resumeOf({ region, appId }: LaneTarget): string {
  return `POST /lanes/${region}/${appId}/resume`;
}

/** `HTTP 503`, `timeout`, `network: ECONNREFUSED`: the part of a detail that no body of Heap's is in. */
function statusOf(detail: string): string {
  return /^(?:HTTP \d{3}|timeout|network: \w+|network)/.exec(detail)?.[0] ?? '';
}
