import type { AppState } from './app-state.js';
import type { Simulation } from './control-answers.js';
import { controlAnswer, isControlPath } from './control-routes.js';
import { DeletionApi } from './deletion-api.js';
import { faultReply } from './fault-reply.js';
import { faultTarget } from './fault-target.js';
import { Faults } from './faults.js';
import { Ingestion } from './ingestion.js';
import { answerCall, findRoute, heapRoutes, type Routes } from './routes.js';
import { seededRandom } from './seeded-random.js';
import type { SimulatedReply } from './simulated-reply.js';
import { decodeBody, type SimulatedRequest } from './simulated-request.js';
import { simulatorOptions, type PartialSimulatorOptions, type SimulatorOptions } from './simulator-options.js';
import { Statistics, type StatisticsSnapshot } from './statistics.js';

interface Started extends Simulation {
  readonly routes: Routes;
}

/**
 * Heap without its network: the documented rules of its server-side API, its state, and faults on demand. It keeps no
 * clock and starts no timers; time is what the caller passes as `now` (epoch milliseconds, never going back).
 */
export class SimulatedHeap {
  private readonly options: SimulatorOptions;
  private started: Started;

  constructor(options: PartialSimulatorOptions = {}) {
    this.options = simulatorOptions(options);
    this.started = start(this.options);
  }

  /** The fault rules in force; after {@link reset} it is another object. */
  get faults(): Faults {
    return this.started.faults;
  }

  /** What is stored for an app_id, or undefined when it was never written to. */
  findApp(appId: string): AppState | undefined {
    return this.started.ingestion.findApp(appId);
  }

  statistics(): StatisticsSnapshot {
    return this.started.statistics.snapshot();
  }

  /** Starts afresh: state, limits, tokens, faults, counters and randomness are as in a new simulator. */
  reset(): void {
    this.started = start(this.options);
  }

  /**
   * Answers one request and lets it take effect at once. It never throws, whatever the request; the reply's
   * `latencyMs` and `ending` say how faults want it delivered.
   */
  handle(request: SimulatedRequest, now: number): SimulatedReply {
    const { deletion, faults, statistics, routes } = this.started;
    const { maxBodyBytes } = this.options;
    deletion.settle(now);
    if (isControlPath(request.path)) {
      const reset = () => {
        this.reset();
      };
      return controlAnswer(this.started, reset, request, maxBodyBytes, now);
    }
    const body = decodeBody(request, maxBodyBytes);
    const route = findRoute(routes, request.path);
    const process = () => answerCall(route, { request, body, now });
    const decision = faults.decide(() => faultTarget(request.path, body, deletion.appIdOf(request)));
    const reply = decision === undefined ? process() : faultReply(decision, process, now);
    for (const kind of decision?.kinds ?? []) statistics.faultsApplied[kind]++;
    const silent = reply.ending.kind === 'hang' || reply.ending.kind === 'reset';
    statistics.countRequest(route?.label ?? '(other)', silent ? 'none' : reply.status);
    return reply;
  }
}

function start(options: SimulatorOptions): Started {
  const statistics = new Statistics();
  const ingestion = new Ingestion(options, statistics);
  // Two streams, so that issuing a token does not change which requests a fault strikes.
  const faults = new Faults(seededRandom(options.seed));
  const deletion = new DeletionApi(options, seededRandom(options.seed + 1), (appId, subjects) => {
    ingestion.deleteUsers(appId, subjects);
  });
  return { statistics, ingestion, faults, deletion, routes: heapRoutes(ingestion, deletion) };
}
