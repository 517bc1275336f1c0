import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import type { JsonObject } from './json.js';

/** Events of one write key. */
export interface Batch {
  readonly writeKey: string;
  readonly events: readonly JsonObject[];
  readonly gzip: boolean;
}

export interface EventResult {
  readonly messageId?: string;
  /** Accepted is stored: what becomes of it in the end is told by metrics and dead letters. */
  readonly outcome: 'accepted' | 'rejected';
  readonly reason?: string;
}

export interface BatchAnswer {
  readonly received: number;
  readonly accepted: number;
  readonly rejected: number;
  /** In the order of the events. */
  readonly results: readonly EventResult[];
}

export interface Sent {
  readonly answer: BatchAnswer;
  /** Requests that it took: more than one when the service asked to wait. */
  readonly attempts: number;
  /** Bytes of one request's body as sent. */
  readonly bytes: number;
}

const maxAttempts = 8;
const longestWaitSeconds = 10;
const requestTimeoutMs = 60_000;

/** Posts a batch as a CDP does: again, a bounded number of times, while the answer is 503 or the connection breaks. */
export async function sendBatch(dataUrl: string, batch: Batch, signal: AbortSignal): Promise<Sent> {
  const json = JSON.stringify({ batch: batch.events, sentAt: new Date().toISOString() });
  const body = batch.gzip ? gzipSync(json) : Buffer.from(json);
  const headers = {
    Authorization: `Basic ${Buffer.from(`${batch.writeKey}:`).toString('base64')}`,
    'Content-Type': 'application/json',
    ...(batch.gzip ? { 'Content-Encoding': 'gzip' } : {}),
  };
  let lastFault = '';
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const reply = await post(`${dataUrl}/v1/batch`, headers, body, signal);
    if (reply.status === 200) {
      return { answer: readAnswer(reply.text, batch), attempts: attempt, bytes: body.length };
    }
    lastFault = reply.status === undefined ? reply.text : `status ${reply.status}: ${reply.text.slice(0, 500)}`;
    if (reply.status !== undefined && reply.status !== 503) break;
    if (attempt < maxAttempts) await sleep(reply.waitSeconds * 1000, undefined, { signal });
  }
  throw new Error(`a batch of ${batch.events.length} events of ${batch.writeKey} was not taken, ${lastFault}`);
}

interface Reply {
  /** `undefined` when there was no answer; the text then says why. */
  readonly status: number | undefined;
  readonly text: string;
  readonly waitSeconds: number;
}

async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer<ArrayBuffer>,
  signal: AbortSignal,
): Promise<Reply> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]);
    const response = await fetch(url, { method: 'POST', headers, body, signal: limited });
    const asked = Number(response.headers.get('retry-after') ?? 1);
    const waitSeconds = Math.min(Number.isFinite(asked) ? Math.max(asked, 0) : 1, longestWaitSeconds);
    return { status: response.status, text: await response.text(), waitSeconds };
  } catch (error) {
    signal.throwIfAborted();
    return { status: undefined, text: describe(error), waitSeconds: 1 };
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** The answer, once it is sure that it speaks of the events that were sent. */
function readAnswer(text: string, { events }: Batch): BatchAnswer {
  const answer = JSON.parse(text) as BatchAnswer;
  if (!Array.isArray(answer.results) || answer.results.length !== events.length) {
    throw new Error(`expected ${events.length} results, got: ${text.slice(0, 500)}`);
  }
  events.forEach((event, index) => {
    const messageId = answer.results[index]?.messageId;
    if (messageId !== event.messageId) {
      throw new Error(`result ${index} is of ${messageId ?? 'no event'}, expected ${JSON.stringify(event.messageId)}`);
    }
  });
  return answer;
}
