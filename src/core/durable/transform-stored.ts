import type { LaneTarget } from '../batching/operation.js';
import type { CompiledConnection } from '../compiled-connection.js';
import type { Json } from '../json/json.js';
import { reasons } from '../reasons.js';
import type { TransformResult } from '../transform-result.js';

export interface TransformStoredOptions {
  readonly connectionOf: (id: string) => CompiledConnection | undefined;
  /** A transform threw: a fault of ours, whatever the event. */
  readonly onFault: (error: unknown) => void;
}

/** What a stored event becomes today, in the lane that it waits in: its connection may have changed since it was stored. */
export function transformStored(
  value: Json,
  connectionId: string,
  lane: LaneTarget,
  { connectionOf, onFault }: TransformStoredOptions,
): TransformResult {
  const connection = connectionOf(connectionId);
  if (connection === undefined) {
    return { outcome: 'rejected', reason: 'connection_missing', detail: `no connection has the id ${connectionId}` };
  }
  if (connection.lane.key !== lane.key) {
    const detail = `connection ${connectionId} leads to ${connection.lane.key} now; replay the event to send it there`;
    return { outcome: 'rejected', reason: 'connection_missing', detail };
  }
  try {
    return connection.transform(value);
  } catch (error) {
    onFault(error);
    return { outcome: 'rejected', reason: 'internal_error', detail: reasons.internal_error.summary };
  }
}
