import type { PlannedRequest } from '../../../src/core/batching/plan-requests.js';
import type { Reply } from '../../../src/core/delivery/reply.js';
import type { SimulatedHeap } from '../../../src/destinations/heap/simulator/simulated-heap.js';
import type { SimulatedReply } from '../../../src/destinations/heap/simulator/simulated-reply.js';
import type { VirtualClock } from '../virtual-clock.js';
import type { SeenRequest } from './heap-witness.js';

/** Requests that are under way. */
export interface InFlight {
  readonly most: number;
  readonly mostPerLane: number;
}

/** After so long the sender gives up waiting for an answer. */
const requestTimeoutMs = 30_000;
/** Heap's own time: it does not follow ours when that is set. */
const heapStartsAt = Date.UTC(2026, 2, 10, 12);
const broken: Reply = { type: 'noAnswer', cause: 'network', detail: 'ECONNRESET: the connection was reset' };

/** The way to Heap and back, in virtual time. */
export class SimulatedNetwork {
  #inFlight = 0;
  #most = 0;
  #mostPerLane = 0;
  readonly #perLane = new Map<string, number>();

  constructor(
    private readonly clock: VirtualClock,
    private readonly heap: SimulatedHeap,
    private readonly roundTripMs: number,
    /** Called when a request has arrived and, if it was to, taken effect. */
    private readonly onArrived: (request: SeenRequest, reply: SimulatedReply) => void,
  ) {}

  get inFlight(): InFlight {
    return { most: this.#most, mostPerLane: this.#mostPerLane };
  }

  /** Resolves with what the sender sees. A request whose signal is aborted half-way never arrives. */
  async call(request: SeenRequest, signal: AbortSignal): Promise<Reply> {
    this.#count(request, 1);
    const reply = await this.#travel(request, signal);
    this.#count(request, -1);
    return reply;
  }

  async #travel(request: SeenRequest, signal: AbortSignal): Promise<Reply> {
    const { clock, roundTripMs } = this;
    await clock.sleep(roundTripMs / 2, signal);
    if (isAborted(signal)) return broken;
    const answer = this.heap.handle(
      { method: 'POST', path: request.path, body: request.body },
      heapStartsAt + clock.monotonic(),
    );
    this.onArrived(request, answer);
    const ms = roundTripMs / 2 + durationOf(answer);
    const left = requestTimeoutMs - roundTripMs / 2;
    await clock.sleep(Math.min(ms, left), signal);
    if (isAborted(signal)) return broken;
    if (ms > left) return { type: 'noAnswer', cause: 'timeout', detail: `no answer within ${requestTimeoutMs} ms` };
    return toReply(answer);
  }

  #count({ lane }: PlannedRequest<unknown>, change: 1 | -1): void {
    this.#inFlight += change;
    const ofLane = (this.#perLane.get(lane.key) ?? 0) + change;
    this.#perLane.set(lane.key, ofLane);
    this.#most = Math.max(this.#most, this.#inFlight);
    this.#mostPerLane = Math.max(this.#mostPerLane, ofLane);
  }
}

/** From taking effect to the last byte. */
function durationOf({ latencyMs, ending }: SimulatedReply): number {
  switch (ending.kind) {
    case 'hang':
      return Infinity;
    case 'dribble':
      return latencyMs + ending.durationMs;
    case 'whole':
    case 'reset':
    case 'truncate':
      return latencyMs;
  }
}

function toReply({ status, headers, body, ending }: SimulatedReply): Reply {
  if (ending.kind === 'reset' || ending.kind === 'truncate') return broken;
  const retryAfter = headers['retry-after'];
  return { type: 'answer', status, body, headers, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

/** A function, so that the compiler does not take an earlier look at the signal for a lasting one. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
