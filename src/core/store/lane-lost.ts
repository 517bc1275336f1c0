/** This process is not the lane's sender (any more); the call changed nothing. */
export class LaneLost extends Error {
  override readonly name = 'LaneLost';
}
