/**
 * The store can't say any more what is on disk, and takes no call until it is opened anew. A write that failed to reach
 * the disk is not tried again: a second sync may succeed without having written what the first one lost
 * (https://wiki.postgresql.org/wiki/Fsync_Errors).
 */
export class StoreBroken extends Error {
  override readonly name = 'StoreBroken';
}
