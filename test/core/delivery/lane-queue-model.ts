import type { Operation } from '../../../src/core/batching/operation.js';
import type { LaneEntry } from '../../../src/core/delivery/lane-entry.js';

/** The stages of the kinds that the tests use. A key has one kind per stage, as `LaneQueue` asks. */
export const stages: Readonly<Record<string, number>> = { identify: 0, properties: 1, account: 1, track: 2 };

export function stageOf(kind: string): number {
  const stage = stages[kind];
  if (stage === undefined) throw new Error(`no kind ${kind}`);
  return stage;
}

interface Modelled {
  readonly entry: LaneEntry;
  readonly operation: Operation;
  readonly stage: number;
  isInFlight: boolean;
}

/**
 * The order rule of `LaneQueue` word by word, with everything compared with everything: B waits for A when A was accepted
 * first, they share a key, and A's stage is not above B's, until A is settled.
 */
export class LaneQueueModel {
  readonly #unsettled: Modelled[] = [];
  /** By first key and stage; gone with the last operation of the key. */
  readonly #limited = new Map<string, number>();

  get size(): number {
    return this.#unsettled.length;
  }

  get hasLimits(): boolean {
    return this.#limited.size > 0;
  }

  get oldest(): LaneEntry | undefined {
    return this.#unsettled[0]?.entry;
  }

  get waiting(): readonly LaneEntry[] {
    return this.#unsettled.filter(({ isInFlight }) => !isInFlight).map(({ entry }) => entry);
  }

  get inFlight(): readonly LaneEntry[] {
    return this.#unsettled.filter(({ isInFlight }) => isInFlight).map(({ entry }) => entry);
  }

  add(entry: LaneEntry): void {
    const { operation } = entry;
    this.#unsettled.push({ entry, operation, stage: stageOf(operation.kind), isInFlight: false });
  }

  take(entries: readonly LaneEntry[]): void {
    for (const entry of entries) this.#find(entry).isInFlight = true;
  }

  giveBack(entry: LaneEntry): void {
    this.#find(entry).isInFlight = false;
  }

  remove(entry: LaneEntry): void {
    this.#unsettled.splice(this.#unsettled.indexOf(this.#find(entry)), 1);
    for (const key of entry.operation.keys) {
      if (this.#unsettled.some(({ operation }) => operation.keys.includes(key))) continue;
      for (const stage of Object.values(stages)) this.#limited.delete(`${stage} ${key}`);
    }
  }

  limit({ operation }: LaneEntry, until: number): void {
    this.#limited.set(`${stageOf(operation.kind)} ${operation.keys[0]}`, until);
  }

  wake(now: number): void {
    for (const [line, until] of this.#limited) if (until <= now) this.#limited.delete(line);
  }

  /** What may leave now, each by itself. */
  ready(kind: string): readonly LaneEntry[] {
    return this.#unsettled
      .filter((each) => each.operation.kind === kind && !each.isInFlight && this.#waitsFor(each).length === 0)
      .filter(({ operation, stage }) => !this.#limited.has(`${stage} ${operation.keys[0]}`))
      .map(({ entry }) => entry);
  }

  /** Why these can't leave together in this order; undefined where they can. */
  faultOf(entries: readonly LaneEntry[]): string | undefined {
    for (const [at, entry] of entries.entries()) {
      if (this.#find(entry).isInFlight) return `${textOf(entry)} is in flight`;
      const before = new Set(entries.slice(0, at));
      const missed = this.#waitsFor(this.#find(entry)).find((earlier) => !before.has(earlier.entry));
      if (missed !== undefined) return `${textOf(entry)} overtakes ${textOf(missed.entry)}`;
    }
    return undefined;
  }

  /** What has to be settled before this one. */
  #waitsFor(one: Modelled): readonly Modelled[] {
    return this.#unsettled
      .slice(0, this.#unsettled.indexOf(one))
      .filter(({ stage }) => stage <= one.stage)
      .filter(({ operation }) => operation.keys.some((key) => one.operation.keys.includes(key)));
  }

  #find(entry: LaneEntry): Modelled {
    const found = this.#unsettled.find((each) => each.entry === entry);
    if (found === undefined) throw new Error(`${textOf(entry)} is not in the model`);
    return found;
  }
}

function textOf({ operation }: LaneEntry): string {
  return `${operation.kind} ${operation.text} of ${operation.keys.join(', ')}`;
}
