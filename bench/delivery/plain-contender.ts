import { setMaxListeners } from 'node:events';

import type { LaneTarget } from '../../src/core/batching/operation.js';
import type { HttpSender } from '../../src/core/delivery/http-sender.js';
import { heapRequestRules } from '../../src/destinations/heap/request-rules.js';
import { itemsPerRequest, type Batch, type SenderPlan } from './plan.js';
import { sampleEvents } from './sample-operations.js';
import { sendRequest } from './send-request.js';
import type { Contender } from './sender-process.js';

interface Request {
  readonly path: string;
  readonly body: () => string;
}

/**
 * Senders without a router, each connection one request after the other. `naive`: one event per request, its body made
 * when it is sent. `floor`: as many as the router puts into a full request, made beforehand.
 */
export function plainContender(plan: SenderPlan, lanes: readonly LaneTarget[], http: HttpSender): Contender {
  const { signal } = new AbortController();
  // Every request in flight listens to it.
  setMaxListeners(plan.connections + 1, signal);
  return {
    prepare: (batch) => {
      const requests = plan.contender === 'naive' ? requestPerEvent(plan, lanes, batch) : fullRequests(lanes, batch);
      return async () => {
        const rest = requests.values();
        const sendAll = async (): Promise<void> => {
          for (const { path, body } of rest) {
            const { type } = await sendRequest(http, plan.sinkUrl, { path, body: body() }, signal);
            if (type !== 'delivered') throw new Error(`a request was ${type}`);
          }
        };
        await Promise.all(Array.from({ length: plan.connections }, sendAll));
        return requests.length;
      };
    },
  };
}

const { path, wrap } = heapRequestRules.track;

function requestPerEvent({ burst }: SenderPlan, lanes: readonly LaneTarget[], { first, events }: Batch): Request[] {
  return sampleEvents(lanes, burst, first, events).map(({ operation: { lane, text } }) => ({
    path,
    body: () => wrap(lane, [text]),
  }));
}

function fullRequests(lanes: readonly LaneTarget[], { first, events }: Batch): Request[] {
  const samples = sampleEvents(lanes, itemsPerRequest, first, events);
  return Array.from({ length: Math.ceil(events / itemsPerRequest) }, (_unused, index) => {
    const items = samples.slice(index * itemsPerRequest, (index + 1) * itemsPerRequest);
    const [{ lane } = { lane: lanes[0] }] = items.map(({ operation }) => operation);
    if (lane === undefined) throw new Error('there is no lane');
    const body = wrap(
      lane,
      items.map(({ operation }) => operation.text),
    );
    return { path, body: () => body };
  });
}
