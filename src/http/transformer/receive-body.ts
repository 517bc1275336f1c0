import type { Request } from 'express';

import type { RequestReason } from '../../core/reasons.js';
import type { BufferPool } from '../buffer-pool.js';
import { collectBody, decodeBody } from '../read-body.js';
import { errorAnswer, overloadAnswer, type Answer } from './answers.js';
import type { Admission } from './overload-guard.js';

/** A request's body, as it was sent and decoded, or the answer that refuses it. */
export type ReceivedBody =
  | { readonly ok: true; readonly sent: Buffer; readonly decoded: Buffer }
  | { readonly ok: false; readonly answer: Answer };

/**
 * Statuses that rudder-transformer answers too. Damaged compression is a fault of the way, not of the events: a 4xx would
 * have rudder-server give all of them up, so it is one that is tried again.
 */
const statuses: Readonly<Partial<Record<RequestReason, number>>> = {
  body_too_large: 413,
  encoding_unsupported: 415,
  body_unreadable: 500,
};

/**
 * Reads a body whatever its content type says, within the bytes that it was admitted with.
 *
 * @param pool where `sent` comes from, to be given back when nobody looks at it any more.
 */
export async function receiveBody(
  request: Request,
  maxBytes: number,
  admission: Extract<Admission, { ok: true }>,
  pool: BufferPool,
): Promise<ReceivedBody> {
  const isAnnounced = request.headers['content-length'] !== undefined;
  const sent = await collectBody(request, maxBytes, (bytes) => isAnnounced || admission.grow(bytes), pool);
  if (!sent.ok) return refusal(sent.reason, sent.message);
  const encoding = request.headers['content-encoding'];
  const decoded = await decodeBody(sent.bytes, encoding, maxBytes, (bytes) => admission.grow(bytes));
  if (!decoded.ok) return refusal(decoded.reason, decoded.message);
  return { ok: true, sent: sent.bytes, decoded: decoded.bytes };
}

function refusal(reason: RequestReason, message: string): ReceivedBody {
  if (reason === 'backlog_full') return { ok: false, answer: overloadAnswer('too_many_bytes') };
  return { ok: false, answer: errorAnswer(statuses[reason] ?? 400, message) };
}
