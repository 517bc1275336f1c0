/** The backfill can't or shall not go on now. What was done stays done, and the same command goes on from there. */
export class BackfillStopped extends Error {
  override readonly name = 'BackfillStopped';
}
