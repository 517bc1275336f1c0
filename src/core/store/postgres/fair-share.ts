/**
 * How many lanes a process may hold: about its share of those in which something waits or that are held.
 *
 * @param replicas processes that send, this one with them.
 */
export function fairShare(lanes: number, replicas: number): number {
  return replicas <= 1 ? Number.POSITIVE_INFINITY : Math.ceil(lanes / replicas);
}
