import type { EventOutcome } from '../../../src/core/delivery/ticket.js';
import type { ScenarioRun } from './run-scenario.js';
import { policyWith } from './scenario-policy.js';
import { idempotencyKey, type ScenarioEvent, type Write } from './scenario-event.js';

/** Findings that are told; a broken law is broken for thousands. */
const maxFindings = 10;

/**
 * What holds whatever happens: an event is delivered, rejected, abandoned or still there, and what Heap has is what was
 * said to be delivered.
 *
 * @returns what does not hold.
 */
export function brokenLaws(run: ScenarioRun): readonly string[] {
  const { senders, order, requests } = run;
  return [
    ...first(senders.faults),
    ...first(requests.faults),
    ...first(order.inversions),
    ...first(senders.events.flatMap(brokenPromise)),
    ...first(wrongTracks(run)),
    ...first(wrongLastWrites(run)),
    ...first(expiredTooEarly(run)),
    ...brokenBooks(run),
  ];
}

/** What the sender was told about an event is what Heap's state says of its writes. */
function brokenPromise({ key, outcome, writes, arrival }: ScenarioEvent): readonly string[] {
  if (outcome === undefined || mayHaveEffect(outcome)) return [];
  if (outcome.type === 'delivered') {
    if (arrival.isPoison) return [`${key} is poison and was said to be delivered`];
    return writes.every(({ hasEffect }) => hasEffect) ? [] : [`${key} was said to be delivered and Heap lacks it`];
  }
  // An event of several writes may have part of them delivered.
  return writes.length === 1 && writes[0]?.hasEffect === true ? [`${key} was rejected and Heap has it`] : [];
}

/** Given up without an answer: nobody knows. */
function mayHaveEffect(outcome: EventOutcome): boolean {
  if (outcome.type === 'abandoned') return true;
  return outcome.type === 'rejected' && (outcome.reason === 'expired' || outcome.reason === 'attempts_exhausted');
}

/** Heap has each track that was delivered, and none of them twice. */
function wrongTracks({ heap, senders }: ScenarioRun): readonly string[] {
  const findings: string[] = [];
  const keysOf = new Map<string, Set<string>>();
  for (const appId of new Set(senders.events.map(({ arrival }) => arrival.lane.appId))) {
    const keys = new Set<string>();
    keysOf.set(appId, keys);
    for (const { idempotencyKey: key = '' } of heap.findApp(appId)?.events ?? []) {
      if (keys.has(key)) findings.push(`Heap has the event ${key} twice`);
      keys.add(key);
    }
  }
  for (const { arrival, outcome, writes } of senders.events) {
    if (outcome?.type !== 'delivered') continue;
    const keys = keysOf.get(arrival.lane.appId);
    for (const { sequence } of tracksOf(writes)) {
      if (keys?.has(idempotencyKey(sequence)) !== true)
        findings.push(`Heap lacks the event ${idempotencyKey(sequence)}`);
    }
  }
  return findings;
}

function tracksOf(writes: readonly Write[]): readonly Write[] {
  return writes.filter(({ operation }) => operation.kind === 'track');
}

/** Of the property writes of one user or account, the last one that was delivered is what Heap shows. */
function wrongLastWrites({ senders, witness }: ScenarioRun): readonly string[] {
  const last = new Map<string, Write>();
  for (const { writes, outcome } of senders.events) {
    if (outcome?.type !== 'delivered') continue;
    for (const write of writes) if (write.stage === 1) last.set(write.keys.join(), write);
  }
  return [...last.values()].flatMap((write) => {
    const shown = witness.shown(write) ?? 0;
    // A later one that nobody was told about may have arrived as well.
    return shown >= write.sequence ? [] : [`${write.keys.join()} shows write ${shown}, the last is ${write.sequence}`];
  });
}

/** Nothing is given up for its age before it has it, whatever the time of day does. */
function expiredTooEarly({ scenario, senders }: ScenarioRun): readonly string[] {
  const { maxAgeMs } = policyWith(scenario.policy ?? {}).lane;
  return senders.events.flatMap(({ key, outcome, acceptedAt, settledAt = 0 }) => {
    const isEarly = outcome?.type === 'rejected' && outcome.reason === 'expired' && settledAt - acceptedAt < maxAgeMs;
    return isEarly ? [`${key} expired after ${settledAt - acceptedAt} ms`] : [];
  });
}

/** The router's own books. */
function brokenBooks(run: ScenarioRun): readonly string[] {
  const { senders, remaining } = run;
  const { lanes, hosts } = run.snapshot();
  const findings: string[] = [];
  const queued = senders.events.filter(({ outcome }) => outcome === undefined).length;
  if (senders.open !== queued) findings.push(`${senders.open} promises are open for ${queued} events`);
  const backlog = lanes.reduce((sum, lane) => sum + lane.backlog, 0);
  const unsettled = senders.events.reduce(
    (sum, event) => sum + (event.outcome === undefined ? event.writes.length : 0),
    0,
  );
  // Of an event with several writes some may be settled.
  if (backlog > unsettled || queued > 0 !== backlog > 0) findings.push(`backlog ${backlog}, unsettled ${unsettled}`);
  // A router that was closed is not looked at any more.
  if (queued === 0 && remaining === undefined) {
    const busy = lanes.filter((lane) => lane.inFlight > 0 || lane.limitedIdentities > 0 || lane.backlogBytes > 0);
    for (const { appId, inFlight } of busy) findings.push(`${appId} has ${inFlight} requests in flight for nothing`);
    for (const { inFlight, slow, waitingLanes } of hosts) {
      if (inFlight + slow + waitingLanes > 0) findings.push(`the host counts ${inFlight}, ${slow}, ${waitingLanes}`);
    }
  }
  const abandoned = senders.events.flatMap(({ outcome, writes }) => (outcome?.type === 'abandoned' ? writes : []));
  if (remaining !== undefined && remaining > abandoned.length) {
    findings.push(`${remaining} operations remain, ${abandoned.length} were abandoned`);
  }
  return findings;
}

function first(findings: readonly string[]): readonly string[] {
  if (findings.length <= maxFindings) return findings;
  return [...findings.slice(0, maxFindings), `… ${findings.length - maxFindings} more`];
}
