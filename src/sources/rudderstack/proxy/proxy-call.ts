import type { Operation } from '../../../core/batching/operation.js';
import type { ProxyRequest } from './read-proxy-request.js';

/** The operations that a request to the destination carries, all of one kind and lane. */
export interface ReadRequest {
  readonly kind: string;
  readonly lane: Operation['lane'];
  readonly operations: readonly Operation[];
}

/** What one proxy call asks for, ready to be sent by itself or with others. */
export interface ProxyCall {
  readonly request: ProxyRequest;
  readonly read: ReadRequest | undefined;
  /** When its time is up, in the clock's milliseconds. */
  readonly deadline: number;
}
