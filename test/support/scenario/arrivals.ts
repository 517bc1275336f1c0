import { seededRandom, type Random } from '../../../src/destinations/heap/simulator/seeded-random.js';
import { laneTo } from '../operations.js';
import type { LaneTarget } from '../../../src/core/batching/operation.js';
import { eventKinds, type Arrivals, type EventKind, type Scenario } from './scenario.js';

/** An event that is about to arrive. */
export interface Arrival {
  /** Milliseconds from the start. */
  readonly at: number;
  readonly group: string;
  readonly lane: LaneTarget;
  readonly kind: EventKind;
  /** Of its lane; 0 is the hot one, where there is one. */
  readonly user: number;
  readonly isHot: boolean;
  readonly isPoison: boolean;
  readonly bytes: number;
}

/** Senders post what they have several times a second, not event by event. */
const tickMs = 20;

/** What a group's hot users are called where they are looked at by themselves. */
export function hotPart(group: string): string {
  return `${group}.hot`;
}

/** The lanes of each group, by its name. */
export function lanesOf({ arrivals }: Pick<Scenario, 'arrivals'>): ReadonlyMap<string, readonly LaneTarget[]> {
  const sizes = new Map<string, number>();
  for (const { group, lanes } of arrivals) sizes.set(group, Math.max(lanes, sizes.get(group) ?? 0));
  return new Map(
    [...sizes].map(([group, size], index) => [
      group,
      Array.from({ length: size }, (_unused, lane) => laneTo(String(1_000_000 * (index + 1) + lane))),
    ]),
  );
}

/** Everything that arrives, in order; the same for the same scenario. */
export function planArrivals(scenario: Scenario): readonly Arrival[] {
  const lanes = lanesOf(scenario);
  const arrivals: Arrival[] = [];
  for (const [index, source] of scenario.arrivals.entries()) {
    const random = seededRandom(scenario.seed * 1_000 + index);
    const isPoison = poisonOf(source, random);
    for (const lane of (lanes.get(source.group) ?? []).slice(0, source.lanes)) {
      for (const at of momentsOf(source, scenario.seconds, random)) {
        arrivals.push(arrival(source, lane, at, random, isPoison()));
      }
    }
  }
  return arrivals.sort((a, b) => a.at - b.at);
}

function momentsOf(source: Arrivals, seconds: number, random: Random): readonly number[] {
  const { perSecond, burst = 0, from = 0, until = seconds } = source;
  const moments = Array.from({ length: burst }, () => from * 1_000);
  if (perSecond === undefined) return moments;
  // The moments of a Poisson process: what many senders that know nothing of each other add up to.
  const next = (): number => (-Math.log(1 - random()) / perSecond) * 1_000;
  for (let at = from * 1_000 + next(); at < until * 1_000; at += next()) moments.push(Math.ceil(at / tickMs) * tickMs);
  return moments;
}

function arrival(source: Arrivals, lane: LaneTarget, at: number, random: Random, isPoison: boolean): Arrival {
  const { group, identities, mix = { track: 1 }, hot = 0, bytes = 150 } = source;
  const isHot = random() < hot;
  // With a hot user, the others are the rest.
  const first = hot > 0 ? 1 : 0;
  const user = isHot ? 0 : first + Math.floor(random() * Math.max(1, identities - first));
  const kind = drawKind(mix, random);
  // Heap takes every merge; what it refuses are values.
  const hasValues = kind !== 'identify' && kind !== 'signUp';
  return { at, group, lane, kind, user, isHot, isPoison: isPoison && hasValues, bytes };
}

function drawKind(mix: Readonly<Partial<Record<EventKind, number>>>, random: Random): EventKind {
  const total = eventKinds.reduce((sum, kind) => sum + (mix[kind] ?? 0), 0);
  let drawn = random() * total;
  for (const kind of eventKinds) {
    drawn -= mix[kind] ?? 0;
    if (drawn < 0) return kind;
  }
  throw new Error('the mix is empty');
}

function poisonOf({ poison }: Arrivals, random: Random): () => boolean {
  if (poison === undefined) return () => false;
  if ('share' in poison) return () => random() < poison.share;
  // The first one comes after half the distance.
  let seen = Math.floor(poison.every / 2);
  return () => (seen += 1) % poison.every === 0;
}
