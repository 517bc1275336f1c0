/** A write whose order matters to those that share a key with it. */
export interface OrderedWrite {
  /** Grows in the order of acceptance. */
  readonly sequence: number;
  /** 0 identify, 1 properties, 2 track. */
  readonly stage: number;
  readonly keys: readonly string[];
}

/** The highest sequence by stage, of one key. */
type Highest = number[];

/**
 * Sees writes in the order in which they take effect at Heap, and finds those that came too late. The rule: what was
 * accepted earlier, shares a key and has no higher stage is there first. A property write may overtake the events
 * before it. Sent again after a lost answer, a write may take effect again, but not over one that was confirmed since.
 */
export class OrderWitness {
  readonly inversions: string[] = [];
  readonly #effective = new Map<string, Highest>();
  readonly #confirmed = new Map<string, Highest>();

  /** @param isFirst false when the write had taken effect before. */
  onEffect(write: OrderedWrite, isFirst: boolean): void {
    const later = isFirst ? this.#effective : this.#confirmed;
    // Only property writes undo anything when they are repeated.
    const upTo = isFirst ? Infinity : 1;
    for (const key of write.keys) {
      const stage = overtakenBy(later.get(key), write, upTo);
      if (stage !== undefined) {
        const how = isFirst ? 'came after' : 'was repeated over';
        this.inversions.push(`${key}: write ${write.sequence} of stage ${write.stage} ${how} one of stage ${stage}`);
      }
      if (isFirst) note(this.#effective, key, write);
    }
  }

  /** The sender was told that the write is delivered. */
  onConfirmed(write: OrderedWrite): void {
    for (const key of write.keys) note(this.#confirmed, key, write);
  }
}

function overtakenBy(highest: Highest | undefined, write: OrderedWrite, upTo: number): number | undefined {
  if (highest === undefined) return undefined;
  for (let stage = write.stage; stage <= Math.min(upTo, highest.length - 1); stage += 1) {
    if ((highest[stage] ?? 0) > write.sequence) return stage;
  }
  return undefined;
}

function note(all: Map<string, Highest>, key: string, { stage, sequence }: OrderedWrite): void {
  let highest = all.get(key);
  if (highest === undefined) all.set(key, (highest = [0, 0, 0]));
  highest[stage] = Math.max(highest[stage] ?? 0, sequence);
}
