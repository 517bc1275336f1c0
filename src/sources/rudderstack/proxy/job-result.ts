import type { Reply } from '../../../core/delivery/reply.js';

/** How a job's delivery ended, in the terms of the protocol. */
export interface JobResult {
  /** An HTTP status; rudder-server tries 408, 429 and 5xx again and aborts on any other 3xx and 4xx. */
  readonly status: number;
  /** The destination's words, or ours. */
  readonly text: string;
  /** Of the destination's answer, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Asks rudder-server to send the job again, by itself. */
  readonly dontBatch?: true;
  /** The destination did not answer. */
  readonly isUnanswered?: true;
}

/** What may be tried again outranks what is refused for good: nothing is lost by asking once more. */
export function worstOf(results: readonly JobResult[]): JobResult {
  const failed = results.filter(({ status }) => status !== 200);
  return failed.find(({ status }) => isRetryable(status)) ?? failed[0] ?? results[0] ?? missing;
}

/** Of a job that nothing was heard of. */
export const missing: JobResult = { status: 500, text: 'there was no result for this job', headers: {} };

function isRetryable(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** The result that a reply means for the request as a whole. */
export function resultOf(reply: Reply): JobResult {
  if (reply.type === 'noAnswer') {
    // Retryable, all of them: the peer aborts events over a DNS failure or a broken pipe, which pass.
    const code =
      reply.cause === 'timeout' ? 'ETIMEDOUT' : (/^([A-Z][A-Z0-9_]*): /.exec(reply.detail)?.[1] ?? 'NETWORK');
    return { status: 500, text: `[${code}] :: ${reply.detail}`, headers: {}, isUnanswered: true };
  }
  const status = reply.status >= 200 && reply.status < 300 ? 200 : reply.status;
  return { status, text: reply.body, headers: plainHeaders(reply.headers) };
}

/** The request holds something that the destination does not take; with several items it is not known which. */
export function isRefusal({ status }: JobResult): boolean {
  return status === 400 || status === 413 || status === 422;
}

function plainHeaders(headers: Extract<Reply, { type: 'answer' }>['headers'] = {}): Readonly<Record<string, string>> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    // Cookies are the destination's affair with the proxy.
    if (value === undefined || name === 'set-cookie' || name === '__proto__') continue;
    plain[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return plain;
}
