import type { LaneTarget } from '../../../src/core/batching/operation.js';
import type { PlannedRequest } from '../../../src/core/batching/plan-requests.js';
import type { Dispatch, Host, Sender } from '../../../src/core/delivery/host.js';
import type { LaneEntry } from '../../../src/core/delivery/lane-entry.js';
import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import { laneTo } from '../../support/operations.js';

/** A lane that has so many requests to send, whatever becomes of them, and asks for its turns as a lane does. */
export class FakeSender implements Sender {
  readonly target: LaneTarget;
  isRetrying = false;
  isSlow = false;
  /** What became of its requests. */
  readonly outcomes: SendOutcome[] = [];
  overstays = 0;
  recoveries = 0;
  inFlight = 0;
  #isQueued = false;
  #left = 0;

  constructor(
    readonly name: string,
    private readonly host: Host,
    /** Requests in flight at once. */
    private readonly concurrency = 1,
    /** Told right after each outcome: what the lane learns of it. */
    private readonly onOutcome: (sender: FakeSender, outcome: SendOutcome) => void = () => undefined,
  ) {
    this.target = laneTo(name);
    host.join(this);
  }

  get left(): number {
    return this.#left;
  }

  /** It has so many more requests to send. */
  want(requests: number): this {
    this.#left += requests;
    this.ask();
    return this;
  }

  ask(): void {
    if (this.#isQueued || this.#left === 0 || this.inFlight >= this.concurrency) return;
    this.#isQueued = true;
    this.host.enqueue(this);
  }

  next(): Dispatch | undefined {
    if (!this.#isQueued) throw new Error(`${this.name} has a turn that it did not ask for`);
    this.#isQueued = false;
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    this.inFlight += 1;
    this.ask();
    return {
      request: this.#request(),
      isRetry: this.isRetrying,
      onOverstay: () => {
        this.overstays += 1;
        this.isSlow = true;
        this.ask();
      },
      onOutcome: (outcome) => {
        this.inFlight -= 1;
        this.outcomes.push(outcome);
        this.onOutcome(this, outcome);
        this.ask();
      },
    };
  }

  onHostRecovered(): void {
    this.recoveries += 1;
  }

  #request(): PlannedRequest<LaneEntry> {
    return { lane: this.target, kind: 'track', stage: 2, path: '/t', body: this.name, bytes: 10, items: [] };
  }
}
