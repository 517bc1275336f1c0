/** The store can't be reached now. Whether the call was done is not known; the same call may succeed later. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
