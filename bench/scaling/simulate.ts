import { assumed, measured } from './measured.js';
import type { Scenario } from './scenario.js';

/** What came of a scenario. */
export interface Outcome {
  /** Events per second that were confirmed, and delivered, over the last minutes of the load. */
  readonly confirmed: number;
  readonly delivered: number;
  /** Of the usable CPU of all replicas, and of the database, the part that was in use. */
  readonly replicaLoad: number;
  readonly databaseLoad: number | undefined;
  /** Bytes per second of the database's log. */
  readonly walBytes: number | undefined;
  /** Seconds from Heap's return (or the start) until nothing old waited; undefined where that never came. */
  readonly caughtUpAfter: number | undefined;
  /** Seconds until the store or the busiest app's lane is full and events are refused, were the load to stay. */
  readonly fullAfter: number | undefined;
  /** What holds it up. */
  readonly bound: 'nothing' | "Heap's limit of an app" | 'CPU of the replicas' | 'CPU of the database' | 'commits';
}

/** So many apps of one rate that they can be looked at as one. */
interface Lane {
  readonly apps: number;
  /** Events per second, of all of them. */
  readonly rate: number;
  /** Fractions of events that have not come yet. */
  due: number;
  waiting: number;
  /** Delivered in each second of the last minute. */
  readonly sent: number[];
  sentInMinute: number;
}

// jest's modules look globals up slowly, and these are called millions of times.
const { floor, max, min } = Math;

const loadSeconds = 7_200;
const lookSeconds = 600;
const minute = 60;
/** Apps beside the busiest are looked at in so many groups: they have one rate, and take turns. */
const maxGroups = 20;

/**
 * Goes through two hours second by second: events arrive evenly at each app, are confirmed as far as CPU and commits go
 * (the rest is refused, and its senders keep it), and are delivered as far as what is left of the CPU and Heap's limits go.
 * The data port comes before delivery: it is asked first, and refuses nothing as long as there is room.
 */
export function simulate(scenario: Scenario): Outcome {
  const { store, replicas, eventsPerRequest, eventsPerSecond, awaySeconds } = scenario;
  const door = measured.door[store.type];
  const doorUs = door.perRequestUs / eventsPerRequest + door.perEventUs;
  const deliveryUs = measured.delivery[store.type].perEventUs;
  const database = measured.database;
  const databaseDoorUs = database.perRequestUs / eventsPerRequest + database.perEventUs;
  const replicaUs = replicas * assumed.usableShare * 1e6;
  const databaseUs = store.type === 'postgres' ? store.cores * assumed.usableShare * 1e6 : Infinity;
  const commitMs = store.type === 'postgres' ? assumed.postgresCommitMs : assumed.lmdbCommitMs;
  const committable = ((assumed.requestsAtOnce * replicas * 1_000) / commitMs) * eventsPerRequest;

  const lanes = lanesOf(scenario);
  const seen = { confirmed: 0, delivered: 0, replica: 0, database: 0 };
  let behindUntil = awaySeconds;
  let isLimited = false;
  for (let second = 0; second < loadSeconds; second += 1) {
    const cpuBound = min(replicaUs / doorUs, databaseUs / databaseDoorUs);
    const mayConfirm = min(cpuBound, committable) / eventsPerSecond;
    let confirmed = 0;
    for (const lane of lanes) {
      lane.due += lane.rate * min(1, mayConfirm);
      const whole = floor(lane.due);
      lane.due -= whole;
      lane.waiting += whole;
      confirmed += whole;
    }
    const leftUs = max(0, replicaUs - confirmed * doorUs);
    const leftDatabaseUs = max(0, databaseUs - confirmed * databaseDoorUs);
    const most = second < awaySeconds ? 0 : min(leftUs / deliveryUs, leftDatabaseUs / database.deliveryPerEventUs);
    const { delivered, isHeld } = deliver(lanes, second, floor(most));
    const waiting = lanes.reduce((sum, lane) => sum + lane.waiting, 0);
    if (waiting > eventsPerSecond) behindUntil = max(behindUntil, second + 1);
    if (second < loadSeconds - lookSeconds) continue;
    isLimited ||= isHeld && waiting > eventsPerSecond;
    seen.confirmed += confirmed / lookSeconds;
    seen.delivered += delivered / lookSeconds;
    seen.replica += (confirmed * doorUs + delivered * deliveryUs) / replicaUs / lookSeconds;
    seen.database += (confirmed * databaseDoorUs + delivered * database.deliveryPerEventUs) / databaseUs / lookSeconds;
  }
  const secondsUntil = (bytes: number, waiting: number): number =>
    bytes / assumed.bytesPerEvent / (waiting / loadSeconds);
  const isBehind = behindUntil === loadSeconds;
  const all = lanes.reduce((sum, lane) => sum + lane.waiting, 0);
  const full = min(secondsUntil(assumed.maxBytes, all), secondsUntil(assumed.maxBytesPerLane, lanes[0]?.waiting ?? 0));
  return {
    confirmed: seen.confirmed,
    delivered: seen.delivered,
    replicaLoad: seen.replica,
    databaseLoad: store.type === 'postgres' ? seen.database : undefined,
    walBytes: store.type === 'postgres' ? seen.confirmed * measured.walBytesPerEvent : undefined,
    caughtUpAfter: isBehind ? undefined : behindUntil - awaySeconds,
    fullAfter: isBehind ? full : undefined,
    bound: boundOf(seen, committable < eventsPerSecond, isLimited),
  };
}

function lanesOf({ apps, busiestShare, eventsPerSecond }: Scenario): readonly Lane[] {
  const share = max(busiestShare, 1 / apps);
  const others = min(apps - 1, maxGroups);
  const lane = (count: number, rate: number): Lane => ({
    ...{ apps: count, rate, due: 0, waiting: 0, sentInMinute: 0 },
    sent: Array<number>(minute).fill(0),
  });
  return [
    lane(1, eventsPerSecond * share),
    ...Array.from({ length: others }, () => lane((apps - 1) / others, (eventsPerSecond * (1 - share)) / others)),
  ];
}

/** Each lane in its turn, as much as Heap takes of it; who begins changes from second to second. */
function deliver(
  lanes: readonly Lane[],
  second: number,
  most: number,
): { readonly delivered: number; readonly isHeld: boolean } {
  let left = most;
  let isHeld = false;
  const slot = second % minute;
  for (let turn = 0; turn < lanes.length; turn += 1) {
    const lane = lanes[(turn + second) % lanes.length];
    if (lane === undefined) continue;
    lane.sentInMinute -= lane.sent[slot] ?? 0;
    const allowed = floor(assumed.heapEventsPerMinute * lane.apps) - lane.sentInMinute;
    if (lane.waiting > allowed) isHeld = true;
    const sent = min(lane.waiting, allowed, left);
    lane.sent[slot] = sent;
    lane.sentInMinute += sent;
    lane.waiting -= sent;
    left -= sent;
  }
  return { delivered: most - left, isHeld };
}

function boundOf(
  { replica, database }: { readonly replica: number; readonly database: number },
  isForCommits: boolean,
  isLimited: boolean,
): Outcome['bound'] {
  const nearlyAll = 0.99;
  if (database >= nearlyAll) return 'CPU of the database';
  if (replica >= nearlyAll) return 'CPU of the replicas';
  if (isForCommits) return 'commits';
  return isLimited ? "Heap's limit of an app" : 'nothing';
}
