/**
 * What brings the tables from each version to the next, in order; an entry that was released is never changed.
 *
 * All but `replicas` and `migrations` lead with the lane, so that they can be distributed by it. Tables that many updates
 * or deletes pass through are vacuumed by what went, not by their size, and without pauses; rows that are updated again
 * and again have room on their page, and no index on what changes, so that the next version takes the room of the last
 * (https://www.postgresql.org/docs/current/storage-hot.html).
 */
export const migrations: readonly string[] = [
  `
  -- What came into a lane: written by who appends, under the row's lock, which numbers its chunks.
  create table heap_destination_lanes (
    lane text collate "C" primary key,
    sequence bigint not null,
    events_in bigint not null,
    bytes_in bigint not null
  ) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0);

  -- What went out of it: written by its sender, whose lease this is, so that neither waits for the other.
  create table heap_destination_senders (
    lane text collate "C" primary key,
    owner text,
    epoch bigint not null default 0,
    -- The last epoch that ended with a release; 0 stands for what was before the first.
    released_epoch bigint not null default 0,
    lease_until timestamptz not null default '-infinity',
    events_out bigint not null default 0,
    bytes_out bigint not null default 0,
    memo text,
    memo_at timestamptz
  ) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0);

  -- Arrays of what is open: the events' indexes, and where in the body the text of each starts and how long it is.
  create table heap_destination_chunks (
    lane text collate "C" not null,
    sequence bigint not null,
    connection text not null,
    received_at bigint not null,
    indexes int[] not null,
    starts int[] not null,
    sizes int[] not null,
    bytes bigint not null,
    body bytea not null,
    primary key (lane, sequence)
  ) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_threshold = 10000,
    toast.autovacuum_vacuum_cost_delay = 0);

  create table heap_destination_letters (
    lane text collate "C" not null,
    origin text collate "C" not null,
    id text collate "C" not null,
    connection text not null,
    received_at bigint not null,
    rejected_at bigint not null,
    reason text not null,
    detail text not null,
    attempts bigint not null,
    message_id text not null,
    event text not null,
    delivered text not null,
    bytes bigint not null,
    primary key (lane, origin)
  );
  create index heap_destination_letters_by_id on heap_destination_letters (id) include (bytes);

  create table heap_destination_ids (
    lane text collate "C" not null,
    hash bytea not null,
    stored_at timestamptz not null,
    primary key (lane, hash)
  ) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
  create index heap_destination_ids_by_time on heap_destination_ids (stored_at);

  create table heap_destination_replicas (
    owner text collate "C" primary key,
    seen_until timestamptz not null
  ) with (fillfactor = 20);
  `,
];
