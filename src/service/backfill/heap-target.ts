import { createHttpSender } from '../../core/delivery/http-sender.js';
import type { DeliveryObserver } from '../../core/delivery/delivery-observer.js';
import type { EventOutcome } from '../../core/delivery/ticket.js';
import { createRouter } from '../create-router.js';
import { packageVersion } from '../package-version.js';
import type { ServiceConfig } from '../service-config.js';
import { durableBacklog } from '../store-config.js';
import { BackfillStopped } from './backfill-stopped.js';
import type { BackfillTarget, TargetOutcome } from './backfill-target.js';
import type { HistoryEvent } from './prepare-line.js';

/**
 * Delivers in this process, with all limits, retries and searches of a service, and as many events in memory as the
 * router has room for. Where a service would wait for a person, it stops.
 */
export function heapTarget(config: ServiceConfig, signal: AbortSignal): BackfillTarget {
  const { delivery, server } = config;
  const http = createHttpSender({
    userAgent: `heap-destination/${packageVersion}`,
    requestTimeoutMs: delivery.requestTimeoutMs,
    connectTimeoutMs: delivery.connectTimeoutMs,
    maxSockets: delivery.maxSockets + delivery.adaptiveConcurrency.min,
  });
  let waitingFor: string | undefined;
  let failure: BackfillStopped | undefined;
  let open = 0;
  let wake: () => void = () => undefined;
  const fail = (message: string): void => {
    failure ??= new BackfillStopped(message);
    wake();
  };
  // What waits in the file need not wait in memory, and is read again after an interruption.
  const maxBacklog = Math.min(delivery.maxBacklog, durableBacklog.maxBacklog);
  const maxBacklogBytes = Math.min(delivery.maxBacklogBytes, durableBacklog.maxBacklogBytes);
  const bounded: ServiceConfig = { ...config, delivery: { ...delivery, maxBacklog, maxBacklogBytes } };
  const router = createRouter(
    bounded,
    http,
    watch((text) => (waitingFor = text), fail),
  );
  signal.addEventListener('abort', () => {
    fail('it was interrupted');
  });

  /** Resolves when it holds. */
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      if (failure !== undefined) throw failure;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (failure !== undefined) throw failure;
  };
  const deliver = ({ operations }: HistoryEvent, onSettled: (outcome: TargetOutcome) => void): void => {
    open += 1;
    void router.deliverStored(operations, 0).then((outcome) => {
      open -= 1;
      const told = toOutcome(outcome);
      if (told !== undefined) onSettled(told);
      wake();
    });
  };
  return {
    get waitingFor() {
      return waitingFor;
    },
    put: (event, _bytes, onSettled) => {
      if (failure !== undefined) throw failure;
      const lane = event.operations[0]?.lane;
      if (router.hasRoom(lane)) {
        deliver(event, onSettled);
        return undefined;
      }
      return until(() => router.hasRoom(lane)).then(() => {
        deliver(event, onSettled);
      });
    },
    flush: () => until(() => open === 0),
    stop: async () => {
      await router.close(failure === undefined || signal.aborted ? server.shutdownMs : 0);
      http.close();
    },
  };
}

/** Undefined for what is given up: nothing is known of it. */
function toOutcome(outcome: EventOutcome): TargetOutcome | undefined {
  switch (outcome.type) {
    case 'delivered':
      return { type: 'taken' };
    case 'rejected':
      return { type: 'rejected', reason: outcome.reason, detail: outcome.detail };
    case 'abandoned':
      return undefined;
  }
}

/** Hears what holds delivery up, and what only a person can mend. */
function watch(onWaiting: (text: string | undefined) => void, onFailed: (message: string) => void): DeliveryObserver {
  const ignore = (): void => undefined;
  return {
    onReply: ignore,
    onWait: (_lane, cause, _ms, detail) => {
      switch (cause) {
        case 'halted':
          onFailed(`Heap refuses this app: check its app_id, region and URL (${detail})`);
          return;
        case 'retry':
          onWaiting(`Heap does not take it now (${detail})`);
          return;
        case 'throttled':
          onWaiting('Heap asks to slow down');
          return;
        case 'lane_limit':
        case 'identity_limit':
          // What a backfill does most of the time.
          onWaiting(undefined);
      }
    },
    onTransition: (_lane, _from, to) => {
      if (to === 'flowing') onWaiting(undefined);
    },
    onPaused: (_lane, { signature, rejected, decided }) => {
      onFailed(
        `Heap suddenly rejects much for one reason, ${rejected} of the last ${decided}: ${signature}. Mend the cause; delivery.poison of the configuration says how much is much`,
      );
    },
    onLaneBreaker: ignore,
    onHostBreaker: ignore,
    onRetry: ignore,
    onSplit: ignore,
    onSearched: ignore,
    onDelivered: ignore,
    onFault: (error) => {
      onFailed(`delivery met a fault of this program: ${error instanceof Error ? error.message : String(error)}`);
    },
  };
}
