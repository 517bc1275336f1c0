/** There is no room for this now; nothing of it was stored. The same call can succeed once there is. */
export class StoreFull extends Error {
  override readonly name = 'StoreFull';
}
