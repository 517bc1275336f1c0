import type { AdjustmentReason, DropReason, RejectionReason } from '../../core/reasons.js';
import type { TransformResult } from '../../core/transform-result.js';
import type { EventIds, FailureTags, Feature } from './failure.js';

/** Outputs, or failures of one kind, that belong together in the metrics. */
export interface Counted {
  readonly ids: EventIds;
  /** `undefined` for successes. */
  readonly tags: FailureTags | undefined;
  count: number;
}

/**
 * What became of the events of one request. Metrics are told once per request: a labelled counter costs as much as a
 * tenth of an event's transform.
 */
export class Tally {
  readonly types = new Map<string, number>();
  readonly kinds = new Map<string, number>();
  readonly outcomes = new Map<RejectionReason | DropReason, number>();
  readonly adjustments = new Map<AdjustmentReason, number>();
  readonly #groups = new Map<string, Counted>();
  #last: Counted | undefined;
  input = 0;
  output = 0;

  constructor(
    readonly feature: Feature,
    readonly destType: string,
  ) {}

  get groups(): Iterable<Counted> {
    return this.#groups.values();
  }

  /** @param outputs entries of the answer that the event became. */
  count(type: string, result: TransformResult, ids: EventIds, tags: FailureTags | undefined, outputs: number): void {
    this.input += 1;
    this.output += outputs;
    add(this.types, type);
    if (result.outcome === 'mapped') {
      for (const operation of result.operations) add(this.kinds, operation.kind);
      if (!result.adjustments.isEmpty) for (const reason of result.adjustments.reasons()) add(this.adjustments, reason);
    } else {
      add(this.outcomes, result.reason);
    }
    if (result.outcome !== 'dropped') this.#group(ids, tags).count += result.outcome === 'mapped' ? outputs : 1;
  }

  /** An event that was copied to one output. */
  countCopied(kind: 'track' | 'addUserProperties', ids: EventIds): void {
    this.input += 1;
    this.output += 1;
    add(this.types, kind === 'track' ? 'track' : 'identify');
    add(this.kinds, kind);
    this.#group(ids, undefined).count += 1;
  }

  #group(ids: EventIds, tags: FailureTags | undefined): Counted {
    // Neighbours mostly belong together.
    const last = this.#last;
    if (
      last !== undefined &&
      last.tags?.errorType === tags?.errorType &&
      last.tags?.errorCategory === tags?.errorCategory &&
      last.ids.destinationId === ids.destinationId &&
      last.ids.workspaceId === ids.workspaceId
    ) {
      return last;
    }
    const key = JSON.stringify([ids.destinationId, ids.workspaceId, tags?.errorCategory, tags?.errorType]);
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, (group = { ids, tags, count: 0 }));
    this.#last = group;
    return group;
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
