import type { Options } from './options.js';
import { itemsPerRequest, type RunResult, type SenderPlan } from './plan.js';

/** One row of the table. */
export interface Row {
  readonly name: string;
  readonly plan: SenderPlan;
  /** Events of a round. */
  readonly events: number;
}

export interface MeasuredRow extends Row {
  /** One per round. */
  readonly results: readonly RunResult[];
}

/** Of 1,000 lanes each is given one event, then each the next: at most so many wait or are in flight per lane. */
const smallBacklogPerLane = 10;
const smallLanes = 1_000;

export function rowsOf(
  { lanes, connections, events, smallEvents, naiveEvents }: Options,
  sinkUrl: string,
): readonly Row[] {
  const plan: SenderPlan = {
    contender: 'router',
    lanes: 10,
    burst: itemsPerRequest,
    // 200 full requests: three times what is in flight.
    maxBacklog: 200 * itemsPerRequest,
    connections,
    sinkUrl,
  };
  return [
    { name: 'naive: a request per event', plan: { ...plan, contender: 'naive' }, events: naiveEvents },
    { name: 'floor: full requests, ready-made', plan: { ...plan, contender: 'floor' }, events },
    ...lanes.map((count) => ({ name: routerName(count), plan: { ...plan, lanes: count }, events })),
    {
      name: `${routerName(smallLanes)}, small requests`,
      plan: { ...plan, lanes: smallLanes, burst: 1, maxBacklog: smallBacklogPerLane * smallLanes },
      events: smallEvents,
    },
  ];
}

export function routerName(lanes: number): string {
  return `router, ${lanes.toLocaleString('en')} ${lanes === 1 ? 'lane' : 'lanes'}`;
}
