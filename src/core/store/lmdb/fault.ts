import { constants } from 'node:os';

/** LMDB's own: the map could not be made larger. */
const mapFull = -30792;
const { ENOSPC, EDQUOT, EFBIG } = constants.errno;
const full = new Set<unknown>(['ENOSPC', 'EDQUOT', 'EFBIG', ENOSPC, EDQUOT, EFBIG, mapFull]);

/** Whether a write failed only for want of room, which may come back. Anything else is taken for the worst. */
export function isForWantOfRoom(error: unknown): boolean {
  return error instanceof Object && 'code' in error && full.has(error.code);
}
