import { systemClock } from '../../../src/core/clock.js';
import { DeliveryRouter } from '../../../src/core/delivery/delivery-router.js';
import { createHttpSender, type HttpSender } from '../../../src/core/delivery/http-sender.js';
import type { LaneSnapshot } from '../../../src/core/delivery/lane-snapshot.js';
import type { Reply } from '../../../src/core/delivery/reply.js';
import { classifyHeapReply } from '../../../src/destinations/heap/classify-reply.js';
import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';
import { seededRandom } from '../../../src/destinations/heap/simulator/seeded-random.js';
import { completeDelivery, type DeliverySettings } from '../../../src/service/delivery-config.js';
import { toDeliveryPolicy } from '../../../src/service/delivery-policy.js';
import { defaultBatchingConfig, type BatchingConfig } from '../../../src/service/service-config.js';
import { recordingObserver, type Heard } from '../recording-observer.js';
import { watchHandles, type HandleWatch } from './open-handles.js';
import { quickDelivery } from './quick-delivery.js';
import type { SocketEvent } from './socket-events.js';
import { leftOf } from './until.js';

export interface RunSettings {
  readonly batching?: Partial<BatchingConfig>;
  readonly delivery?: DeliverySettings;
}

/** The service's delivery, put together as the service does it, and the books of whoever hands events to it. */
export class SocketRun {
  readonly events: SocketEvent[] = [];
  readonly heard: Heard;
  /** As the sender had them: by status, or `timeout` or `network`, and `all`. */
  readonly replies: Record<string, number> = {};
  /** Operations that the router said it left behind when it was closed. */
  remaining: number | undefined;
  readonly #router: DeliveryRouter;
  readonly #http: HttpSender;
  readonly #handles: HandleWatch;

  constructor(heapUrl: string, { batching, delivery }: RunSettings = {}) {
    this.#handles = watchHandles();
    const config = completeDelivery({ ...quickDelivery, ...delivery });
    const { requestTimeoutMs, connectTimeoutMs, maxSockets, maxBacklog, maxBacklogBytes } = config;
    const http = createHttpSender({ userAgent: 'test/1', requestTimeoutMs, connectTimeoutMs, maxSockets });
    const { observer, heard } = recordingObserver();
    this.#http = http;
    this.heard = heard;
    this.#router = new DeliveryRouter({
      rules: heapRequestRules,
      policy: toDeliveryPolicy({ ...defaultBatchingConfig, lingerMs: 1, ...batching }, config),
      send: async ({ path, body }, signal) => {
        const reply = await http.send({ url: `${heapUrl}${path}`, body }, signal);
        this.#count(reply);
        return classifyHeapReply(reply, systemClock.now());
      },
      hostOf: () => heapUrl,
      clock: systemClock,
      random: seededRandom(1),
      observer,
      maxBacklog,
      maxBacklogBytes,
    });
  }

  accept(events: readonly SocketEvent[]): void {
    for (const event of events) {
      this.events.push(event);
      void this.#router.deliver(event.operations).then((outcome) => {
        event.outcome = outcome;
        event.settled += 1;
      });
    }
  }

  get lanes(): readonly LaneSnapshot[] {
    return this.#router.snapshot().lanes;
  }

  /** Events that are not settled, once all are or after a long while. */
  unsettled(): Promise<number> {
    return leftOf(() => this.events.filter(({ settled }) => settled === 0).length);
  }

  /** What the router's own books say of operations that are not settled. */
  get books(): object {
    const { lanes, hosts } = this.#router.snapshot();
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, some) => total + some, 0);
    return {
      backlog: this.#router.backlog,
      backlogBytes: this.#router.backlogBytes,
      inLanes: sum(lanes.map(({ backlog, backlogBytes, searches }) => backlog + backlogBytes + searches)),
      inFlight: sum([...lanes, ...hosts].map(({ inFlight }) => inFlight)),
      waiting: sum(hosts.map(({ slow, waitingLanes }) => slow + waitingLanes)),
    };
  }

  /**
   * Closes what the service closes when it stops.
   *
   * @returns what is left open, one sentence each.
   */
  async close(deadlineMs: number): Promise<readonly string[]> {
    const remaining = await this.#router.close(deadlineMs);
    this.remaining = remaining.reduce((sum, { operations }) => sum + operations, 0);
    this.#http.close();
    return this.#handles.leaks();
  }

  #count(reply: Reply): void {
    const name = reply.type === 'answer' ? String(reply.status) : reply.cause;
    for (const each of [name, 'all']) this.replies[each] = (this.replies[each] ?? 0) + 1;
  }
}

/** The books of a router that has nothing to do. */
export const emptyBooks = { backlog: 0, backlogBytes: 0, inLanes: 0, inFlight: 0, waiting: 0 };
