import type { LaneTarget } from '../../src/core/batching/operation.js';
import { systemClock } from '../../src/core/clock.js';
import type { DeliveryObserver } from '../../src/core/delivery/delivery-observer.js';
import { DeliveryRouter } from '../../src/core/delivery/delivery-router.js';
import { Fifo } from '../../src/core/delivery/fifo.js';
import type { HttpSender } from '../../src/core/delivery/http-sender.js';
import { heapRequestRules } from '../../src/destinations/heap/request-rules.js';
import { completeDelivery } from '../../src/service/delivery-config.js';
import { toDeliveryPolicy } from '../../src/service/delivery-policy.js';
import { defaultBatchingConfig } from '../../src/service/service-config.js';
import { itemsPerRequest, type SenderPlan } from './plan.js';
import { sampleEvents } from './sample-operations.js';
import { sendRequest } from './send-request.js';
import type { Contender } from './sender-process.js';

/** A limit that nobody reaches: its windows are kept all the same. */
const outOfReach = 1_000_000_000;

/**
 * The router with the service's policy, but for requests of 100 items, rate limits that are out of reach, and a fixed
 * number of requests in flight, so that every contender has the same. It lives as long as the process, as it does in the
 * service: lanes, windows and remembered events stay from run to run.
 */
export function routerContender(plan: SenderPlan, lanes: readonly LaneTarget[], http: HttpSender): Contender {
  let requests = 0;
  const router = new DeliveryRouter({
    rules: heapRequestRules,
    policy: policyOf(plan),
    send: (request, signal) => {
      requests += 1;
      return sendRequest(http, plan.sinkUrl, request, signal);
    },
    hostOf: () => plan.sinkUrl,
    clock: systemClock,
    random: Math.random,
    observer: strictObserver,
    maxBacklog: plan.maxBacklog,
    maxBacklogBytes: Infinity,
  });
  return {
    prepare: ({ first, events }) => {
      const samples = sampleEvents(lanes, plan.burst, first, events);
      const bursts = Array.from({ length: Math.ceil(events / plan.burst) }, (_unused, index) =>
        samples.slice(index * plan.burst, (index + 1) * plan.burst),
      );
      return async () => {
        const requestsBefore = requests;
        const underWay = new Fifo<Promise<unknown>>();
        for (const burst of bursts) {
          while (!router.hasRoom(burst[0]?.operation.lane)) await underWay.shift();
          const outcomes = burst.map(({ operation, eventKey }) => router.deliver([operation], eventKey).then(check));
          underWay.push(Promise.all(outcomes));
        }
        for (const burst of underWay) await burst;
        return requests - requestsBefore;
      };
    },
  };
}

function policyOf({ connections }: SenderPlan): ReturnType<typeof toDeliveryPolicy> {
  const maxSlowSockets = Math.ceil(connections / 4);
  const delivery = completeDelivery({
    maxSockets: connections + maxSlowSockets,
    maxSlowSockets,
    adaptiveConcurrency: { min: connections, initial: connections },
    rateLimits: {
      eventsPerAppPerMinute: outOfReach,
      eventsPerIdentityPerMinute: outOfReach,
      requestsPerIdentityPer30Seconds: outOfReach,
    },
  });
  return toDeliveryPolicy({ ...defaultBatchingConfig, maxItems: itemsPerRequest }, delivery);
}

function check({ type }: { readonly type: string }): void {
  if (type !== 'delivered') throw new Error(`an event was ${type}`);
}

/** Nothing but deliveries may happen; whatever else does makes the figures worthless. */
const strictObserver: DeliveryObserver = {
  onReply: () => undefined,
  onDelivered: () => undefined,
  onWait: fail('a lane waited'),
  onTransition: fail('a lane changed its mode'),
  onPaused: fail('a lane paused'),
  onLaneBreaker: fail('a breaker of a lane moved'),
  onHostBreaker: fail('the breaker of the host moved'),
  onRetry: fail('a request was repeated'),
  onSplit: fail('a request was cut'),
  onSearched: fail('a request was searched'),
  onFault: fail('a fault'),
};

function fail(what: string): (...details: readonly unknown[]) => never {
  return (...details) => {
    throw new Error(`${what}: ${JSON.stringify(details)}`);
  };
}
