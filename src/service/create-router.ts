import { systemClock } from '../core/clock.js';
import type { Attempt } from '../core/delivery/attempt.js';
import type { DeliveryObserver } from '../core/delivery/delivery-observer.js';
import { DeliveryRouter } from '../core/delivery/delivery-router.js';
import type { Send } from '../core/delivery/host.js';
import type { HttpSender } from '../core/delivery/http-sender.js';
import { classifyHeapReply } from '../destinations/heap/classify-reply.js';
import type { Region } from '../destinations/heap/connection.js';
import { heapRequestRules } from '../destinations/heap/request-rules.js';
import { toDeliveryPolicy } from './delivery-policy.js';
import type { ServiceConfig } from './service-config.js';

export function createRouter(config: ServiceConfig, http: HttpSender, observer: DeliveryObserver): DeliveryRouter {
  const { batching, delivery } = config;
  return new DeliveryRouter({
    rules: heapRequestRules,
    policy: toDeliveryPolicy(batching, delivery),
    send: heapSend(config.heapUrls, http, observer),
    hostOf: ({ region }) => new URL(config.heapUrls[region as Region]).host,
    clock: systemClock,
    random: Math.random,
    observer,
    maxBacklog: delivery.maxBacklog,
    maxBacklogBytes: delivery.maxBacklogBytes,
  });
}

/** The port `send(request) → outcome` over real HTTP to Heap. */
function heapSend(urls: Readonly<Record<Region, string>>, http: HttpSender, observer: DeliveryObserver): Send {
  let requests = 0;
  return async (request, signal) => {
    const startedAt = performance.now();
    const at = systemClock.now();
    const url = `${urls[request.lane.region as Region]}${request.path}`;
    const reply = await http.send({ url, body: request.body }, signal);
    const seconds = (performance.now() - startedAt) / 1000;
    observer.onReply(request, reply, seconds);
    const outcome = classifyHeapReply(reply, systemClock.now());
    requests += 1;
    const attempt: Attempt = {
      requestId: `${process.pid}-${requests}`,
      kind: request.kind,
      items: request.items.length,
      at,
      seconds,
      status: reply.type === 'answer' ? reply.status : reply.cause,
      outcome: outcome.type,
      detail: outcome.type === 'delivered' ? '' : outcome.detail,
    };
    for (const { entries } of request.items) {
      for (const { ticket, operation } of entries) ticket.listener?.onAttempt(attempt, operation);
    }
    return outcome;
  };
}
