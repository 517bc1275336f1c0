import type { LaneMemo } from '../store.js';
import type { Query } from './database.js';
import { durable } from './durable.js';
import { fromColumn, toColumn } from './text-columns.js';

/** What a claim answers. */
export interface ClaimRow {
  readonly epoch: number;
  /** Open events. */
  readonly events: number;
  /** Of the last chunk that was appended. */
  readonly last: number;
  readonly was_released: boolean;
  readonly memo: string | null;
  readonly memo_age: number | null;
}

/** A lane of this process, as the database has it. */
export interface OwnLane {
  readonly lane: string;
  readonly epoch: number;
  readonly last: number;
  readonly waits: boolean;
}

export interface Survey {
  /** Lanes in which something waits, or that are held. */
  readonly lanes: number;
  /** Those of them that nobody holds. */
  readonly free: number;
  /** Of open events, in all lanes. */
  readonly bytes: number;
  /** Processes that send. */
  readonly replicas: number;
  readonly own: readonly OwnLane[];
}

/** @param sender, lane names of the rows of the tables, as they are after the claim. */
export function claimColumns(sender: string, lane: string): string {
  return `${sender}.epoch, ${lane}.events_in - ${sender}.events_out as events, ${lane}.sequence as last,
    ${sender}.released_epoch = ${sender}.epoch - 1 as was_released, ${sender}.memo,
    greatest(0, floor(extract(epoch from clock_timestamp() - ${sender}.memo_at) * 1000))::bigint as memo_age`;
}

export function memoOf({ memo, memo_age: ageMs }: ClaimRow): LaneMemo | undefined {
  return memo === null ? undefined : { text: fromColumn(memo), ageMs: ageMs ?? 0 };
}

const surveyStatement = `
select count(*) filter (where waits or is_held) as lanes, count(*) filter (where waits and not is_held) as free,
  coalesce(sum(bytes), 0)::bigint as bytes,
  (select count(*) from heap_destination_replicas where seen_until >= now()) as replicas,
  coalesce(json_agg(json_build_object('lane', lane, 'epoch', epoch, 'last', sequence, 'waits', waits))
    filter (where is_held and owner = $1), '[]') as own
from (
  select lane, epoch, owner, sequence, events_in > events_out as waits,
    owner is not null and lease_until >= now() as is_held, bytes_in - bytes_out as bytes
  from heap_destination_lanes join heap_destination_senders using (lane)
) as everything`;

/** Lanes that are being claimed by another are passed over, not waited for. */
const claimStatement = `
with free as materialized (
  select sender.lane, lane.events_in, lane.sequence
  from heap_destination_senders as sender join heap_destination_lanes as lane on lane.lane = sender.lane
  where (sender.owner is null or sender.lease_until < now()) and lane.events_in > sender.events_out
  limit $3 for update of sender skip locked
), claim as (
  update heap_destination_senders as s
  set owner = $1, epoch = s.epoch + 1, lease_until = now() + $2 * interval '1 millisecond'
  from free where s.lane = free.lane
  returning s.*
)
select claim.lane, ${claimColumns('claim', 'free')}, ${durable} from claim join free using (lane)`;

/** The database's clock counts, which is one for all. */
const renewStatement = `
with beat as (
  insert into heap_destination_replicas (owner, seen_until) values ($1, case when $5 then '-infinity' else now() + $2 * interval '1 millisecond' end)
  on conflict (owner) do update set seen_until = excluded.seen_until
)
update heap_destination_senders as s set lease_until = now() + $2 * interval '1 millisecond'
from unnest($3::text[], $4::bigint[]) as own (lane, epoch)
where s.lane = own.lane and s.owner = $1 and s.epoch = own.epoch
returning s.lane, s.epoch`;

const leaveStatement = `
with gone as (delete from heap_destination_replicas where owner = $1 or seen_until < now() - interval '1 day')
update heap_destination_senders set owner = null where owner = $1`;

/** The leases of one process. */
export class Senders {
  readonly #query: Query;
  readonly #owner: string;
  readonly #leaseMs: number;

  constructor(query: Query, owner: string, leaseMs: number) {
    this.#query = query;
    this.#owner = owner;
    this.#leaseMs = leaseMs;
  }

  async survey(): Promise<Survey> {
    const [survey] = await this.#query<Survey>(surveyStatement, [this.#owner]);
    if (survey === undefined) throw new Error('a survey has no answer');
    return { ...survey, own: survey.own.map((own) => ({ ...own, lane: fromColumn(own.lane) })) };
  }

  /** Claims lanes in which something waits and that nobody holds, at most `most` of them. */
  async claim(most: number): Promise<readonly (ClaimRow & { readonly lane: string })[]> {
    const limit = Number.isFinite(most) ? most : null;
    const values = [this.#owner, this.#leaseMs, limit];
    const rows = await this.#query<ClaimRow & { readonly lane: string }>(claimStatement, values);
    return rows.map((row) => ({ ...row, lane: fromColumn(row.lane) }));
  }

  /**
   * Says that this process lives, or is about to stop, and prolongs the leases it has.
   *
   * @returns the lanes that are its own still.
   */
  async renew(
    lanes: readonly { readonly lane: string; readonly epoch: number }[],
    isLeaving: boolean,
  ): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#query<{ lane: string; epoch: number }>(renewStatement, [
      this.#owner,
      this.#leaseMs,
      lanes.map(({ lane }) => toColumn(lane)),
      lanes.map(({ epoch }) => epoch),
      isLeaving,
    ]);
    return new Map(rows.map(({ lane, epoch }) => [fromColumn(lane), epoch]));
  }

  /** Gives everything back; what was not released counts as not released. */
  async leave(): Promise<void> {
    await this.#query(leaveStatement, [this.#owner]);
  }
}
