import type { Logger as PinoLogger } from 'pino';

import type { DeliveryObserver } from '../core/delivery/delivery-observer.js';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

/** Logs what an operator acts on. Heap's words may quote an event, so they stay at `debug`. */
export function loggingObserver(logger: Logger): DeliveryObserver {
  return {
    onReply: ({ kind, path, lane, items, bytes }, reply, seconds) => {
      const { region, appId } = lane;
      logger.debug({ kind, path, region, appId, items: items.length, bytes, reply, seconds }, 'request to Heap');
    },
    onWait: ({ region, appId }, outcome, ms) => {
      const detail = 'detail' in outcome ? statusOf(outcome.detail) : '';
      if (outcome.type === 'halted') {
        logger.error({ region, appId, detail, ms }, 'Heap refuses this app: check its app_id, region and URL');
      } else {
        logger.warn({ region, appId, cause: outcome.type, detail, ms }, 'delivery waits before it tries again');
      }
    },
    onSplit: ({ kind, lane, items }) => {
      logger.warn(
        { kind, region: lane.region, appId: lane.appId, items: items.length },
        'Heap refused a request as a whole; sending it in pieces',
      );
    },
  };
}

/** `HTTP 503`, `timeout`, `network: ECONNREFUSED`: the part of a detail that no body of Heap's is in. */
function statusOf(detail: string): string {
  return /^(?:HTTP \d{3}|timeout|network: \w+|network)/.exec(detail)?.[0] ?? '';
}
