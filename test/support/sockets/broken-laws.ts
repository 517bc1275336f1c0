import type { HeapEvent, HeapUser, SimulatorProcess } from './simulator-process.js';
import { visitorId, type SocketEvent } from './socket-events.js';
import type { SocketRun } from './socket-run.js';

/** Findings that are told; a broken law is broken for hundreds. */
const maxFindings = 10;

/**
 * What holds whatever happened, once a run is closed: every event is settled once, as delivered, rejected or abandoned,
 * and what Heap has is what its sender was told.
 *
 * @returns what does not hold.
 */
export async function brokenLaws(run: SocketRun, heap: SimulatorProcess): Promise<readonly string[]> {
  const { events, heard, remaining = 0 } = run;
  const findings = heard.faults.map((fault) => `a fault of delivery: ${String(fault)}`);
  const abandoned = events.filter(({ outcome }) => outcome?.type === 'abandoned');
  const abandonedOperations = abandoned.reduce((sum, { operations }) => sum + operations.length, 0);
  // Of an event with several operations some may have been delivered before.
  if (remaining > abandonedOperations || remaining < abandoned.length) {
    findings.push(`${remaining} operations remain, ${abandonedOperations} were abandoned`);
  }
  for (const { number, settled } of events) {
    if (settled !== 1) findings.push(`event ${number} was settled ${settled} times`);
  }
  for (const appId of new Set(events.map(({ lane }) => lane.appId))) {
    const mine = events.filter(({ lane }) => lane.appId === appId);
    const stored = await heap.eventsOf(appId);
    findings.push(...brokenPromises(mine, stored), ...disorder(stored));
    findings.push(...brokenSignUps(mine, await heap.usersOf(appId)));
  }
  return findings.length > maxFindings ? [...findings.slice(0, maxFindings), `${findings.length} in all`] : findings;
}

function brokenPromises(events: readonly SocketEvent[], stored: readonly HeapEvent[]): readonly string[] {
  const times = new Map<string | null, number>();
  for (const { idempotencyKey } of stored) times.set(idempotencyKey, (times.get(idempotencyKey) ?? 0) + 1);
  const findings = events.flatMap(({ number, outcome, isPoison }) => {
    const count = times.get(String(number)) ?? 0;
    times.delete(String(number));
    if (count > 1) return [`Heap has the event ${number} ${count} times`];
    // What was abandoned may have arrived: its sender is told to send it again, under the same key.
    if (outcome?.type === 'abandoned') return [];
    if (isPoison && outcome?.type !== 'rejected')
      return [`event ${number} is poison and was ${outcome?.type ?? 'kept'}`];
    const isRight = outcome?.type === 'delivered' ? count === 1 : count === 0;
    return isRight ? [] : [`event ${number} was ${outcome?.type ?? 'kept'} and Heap has it ${count} times`];
  });
  for (const key of times.keys()) findings.push(`Heap has an event ${key ?? 'without a key'} that nobody sent`);
  return findings;
}

/** A user's events arrive in the order in which they were accepted. */
function disorder(stored: readonly HeapEvent[]): readonly string[] {
  const last = new Map<string, number>();
  return stored.flatMap(({ sentAs: { identity = '' }, idempotencyKey }) => {
    const number = Number(idempotencyKey);
    const earlier = last.get(identity) ?? -1;
    last.set(identity, number);
    return earlier < number ? [] : [`event ${number} of ${identity} came after ${earlier}`];
  });
}

/** Whoever's sign-up was delivered is known at Heap, with properties and merged visitor. */
function brokenSignUps(events: readonly SocketEvent[], users: readonly HeapUser[]): readonly string[] {
  const known = new Map(users.map((user) => [user.identity, user]));
  return events.flatMap(({ number, identity, outcome, isSignUp }) => {
    if (!isSignUp || outcome?.type !== 'delivered') return [];
    const user = known.get(identity);
    const isWhole = user?.properties.number === number && user.userIds.includes(visitorId(number));
    return isWhole ? [] : [`the sign-up ${number} of ${identity} was delivered and Heap lacks some of it`];
  });
}
