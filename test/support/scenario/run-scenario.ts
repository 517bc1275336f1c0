import { DeliveryRouter } from '../../../src/core/delivery/delivery-router.js';
import type { DeliverySnapshot, LaneState } from '../../../src/core/delivery/lane-snapshot.js';
import type { Classify } from '../../../src/core/delivery/reply.js';
import { classifyHeapReply } from '../../../src/destinations/heap/classify-reply.js';
import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';
import { seededRandom } from '../../../src/destinations/heap/simulator/seeded-random.js';
import { SimulatedHeap } from '../../../src/destinations/heap/simulator/simulated-heap.js';
import { simulatorOptions, type SimulatorOptions } from '../../../src/destinations/heap/simulator/simulator-options.js';
import { VirtualClock } from '../virtual-clock.js';
import { lanesOf, planArrivals } from './arrivals.js';
import { faultSchedule } from './fault-schedule.js';
import { HeapWitness } from './heap-witness.js';
import { OrderWitness } from './order-witness.js';
import { RequestLog } from './request-log.js';
import { policyWith } from './scenario-policy.js';
import type { Action, Scenario } from './scenario.js';
import { Senders } from './senders.js';
import { SimulatedNetwork } from './simulated-network.js';

/** Looks at the states of lanes so often; longer runs are looked at as many times in all. */
const sampleEveryMs = 1_000;
const maxSamples = 1_000;

/** A scenario in virtual time, and everything that is known of it when it is over. */
export class ScenarioRun {
  readonly clock = new VirtualClock();
  readonly simulator: SimulatorOptions;
  readonly heap: SimulatedHeap;
  readonly order = new OrderWitness();
  readonly witness: HeapWitness;
  readonly network: SimulatedNetwork;
  readonly senders: Senders;
  readonly requests: RequestLog;
  /** By group. */
  readonly statesSeen = new Map<string, Set<LaneState>>();
  readonly hostStatesSeen = new Set<string>();
  /** Operations that a closing router said it leaves behind. */
  remaining: number | undefined;
  readonly #groupOf: ReadonlyMap<string, string>;
  #lives = 0;

  /** @param classify what replies mean; another one than Heap's shows that the laws can be broken. */
  constructor(
    readonly scenario: Scenario,
    private readonly classify: Classify = classifyHeapReply,
  ) {
    const { simulator = {}, seed, roundTripMs = 20 } = scenario;
    // Every merge has a user_id of its own here, far more than a person has.
    this.simulator = simulatorOptions({
      seed,
      ...simulator,
      limits: { userIdsPerIdentity: null, ...simulator.limits },
    });
    this.heap = new SimulatedHeap(this.simulator);
    this.witness = new HeapWitness(this.heap, this.order, this.simulator.limits);
    this.network = new SimulatedNetwork(this.clock, this.heap, roundTripMs, (request, reply) => {
      this.witness.onRequest(request, reply, this.clock.monotonic());
    });
    this.senders = new Senders(this.clock, this.witness, this.order);
    this.requests = new RequestLog(this.witness, this.clock);
    this.#groupOf = new Map([...lanesOf(scenario)].flatMap(([group, all]) => all.map(({ appId }) => [appId, group])));
  }

  snapshot(): DeliverySnapshot {
    return this.senders.router?.snapshot() ?? { lanes: [], hosts: [] };
  }

  groupOf(appId: string): string {
    return this.#groupOf.get(appId) ?? '';
  }

  async run(): Promise<void> {
    const { scenario, clock, senders, heap } = this;
    const { seconds, drainSeconds = 600, actions = [], heap: faults = [] } = scenario;
    for (const { at, rules } of faultSchedule(faults, lanesOf(scenario))) {
      clock.schedule(at, () => {
        heap.faults.replace(rules);
      });
    }
    senders.start(this.#newRouter());
    this.#scheduleArrivals();
    for (const action of actions) {
      clock.schedule(action.at * 1_000, () => {
        this.#act(action);
      });
    }
    const stopSampling = this.#every(Math.max(sampleEveryMs, (seconds * 1_000) / maxSamples), () => {
      this.#sample();
    });
    const stopRetries = this.#every(1_000, () => {
      senders.retry();
    });
    await clock.advance(seconds * 1_000);
    for (let left = drainSeconds; left > 0 && !senders.isDone; left -= 1) await clock.advance(1_000);
    stopSampling();
    stopRetries();
    // What is idle may have a moment to say so.
    await clock.advance(1_000);
    this.#sample();
  }

  #newRouter(): DeliveryRouter {
    const { scenario, clock, requests, network, classify } = this;
    this.#lives += 1;
    return new DeliveryRouter({
      rules: heapRequestRules,
      policy: policyWith(scenario.policy ?? {}),
      hostOf: () => 'heap',
      send: async (request, signal) => {
        requests.onSend(request);
        const reply = await network.call(request, signal);
        const outcome = classify(reply, clock.now());
        requests.onReply(request, reply, outcome);
        return outcome;
      },
      clock,
      random: seededRandom(scenario.seed * 1_000 + 999 + this.#lives),
      observer: requests.observer,
      maxBacklog: scenario.maxBacklog ?? 1_000_000,
      maxBacklogBytes: 1024 * 1024 * 1024,
    });
  }

  #scheduleArrivals(): void {
    const arrivals = planArrivals(this.scenario)[Symbol.iterator]();
    let next = arrivals.next();
    const arrive = (): void => {
      const now = this.clock.monotonic();
      for (; next.done !== true && next.value.at <= now; next = arrivals.next()) this.senders.send(next.value);
      if (next.done !== true) this.clock.schedule(next.value.at - now, arrive);
    };
    this.clock.schedule(0, arrive);
  }

  #act(action: Action): void {
    const { senders, clock } = this;
    switch (action.do) {
      case 'restart':
        senders.kill();
        clock.schedule((action.seconds ?? 5) * 1_000, () => {
          senders.start(this.#newRouter());
        });
        return;
      case 'stop':
        void senders.stop(action.deadlineSeconds * 1_000).then((remaining) => {
          this.remaining = remaining;
        });
        return;
      case 'jumpClock':
        clock.jump(action.seconds * 1_000);
        return;
      case 'resume':
        for (const { key } of lanesOf(this.scenario).get(action.group) ?? []) senders.router?.resume(key);
        return;
    }
  }

  #sample(): void {
    const { lanes, hosts } = this.snapshot();
    for (const { appId, state } of lanes) {
      const group = this.groupOf(appId);
      const seen = this.statesSeen.get(group);
      if (seen === undefined) this.statesSeen.set(group, new Set([state]));
      else seen.add(state);
    }
    for (const { breaker } of hosts) this.hostStatesSeen.add(breaker);
  }

  /** @returns ends it. */
  #every(ms: number, run: () => void): () => void {
    let cancel = (): void => undefined;
    const again = (): void => {
      cancel = this.clock.schedule(ms, () => {
        run();
        again();
      });
    };
    again();
    return () => {
      cancel();
    };
  }
}
