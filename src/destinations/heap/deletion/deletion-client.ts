import type { HttpCall, HttpSender } from '../../../core/delivery/http-sender.js';
import type { Reply } from '../../../core/delivery/reply.js';
import { failureOf, readObject, type DeletionFailure } from './deletion-failure.js';

const unauthorizedHint = 'for deletions Heap takes only the app id of the Main Production environment';

/** Users in one deletion request, at most (https://developers.heap.io/reference/user-deletion). */
export const maxUsersPerDeletion = 10_000;

export interface HeapCredentials {
  /** Of the Main Production environment: Heap takes no other for deletions, and deletes in all environments. */
  readonly appId: string;
  readonly apiKey: string;
}

export type TokenOutcome = { readonly type: 'ok'; readonly token: string } | DeletionFailure;

export type RequestOutcome = { readonly type: 'ok'; readonly requestId: string } | DeletionFailure;

export type StatusOutcome =
  | { readonly type: 'ok'; readonly status: 'pending' | 'complete' }
  /** Heap knows no such request, or not for these credentials. */
  | { readonly type: 'unknown' }
  | DeletionFailure;

export interface DeletionClient {
  /** A token for the other two calls; Heap lets it live for five minutes. */
  token(credentials: HeapCredentials, signal: AbortSignal): Promise<TokenOutcome>;
  /** Asks for the deletion of up to {@link maxUsersPerDeletion} users. It can't be taken back. */
  requestDeletion(token: string, identities: readonly string[], signal: AbortSignal): Promise<RequestOutcome>;
  deletionStatus(token: string, requestId: string, signal: AbortSignal): Promise<StatusOutcome>;
}

export interface DeletionClientOptions {
  /** Should keep some thousand characters of an answer (`maxReplyText`): nobody says how long a token is. */
  readonly http: HttpSender;
  /** `https://heapanalytics.com` for both regions, as Heap's page says, or what stands in for it. */
  readonly baseUrl: string;
  /** For one call; 15 s by default. */
  readonly timeoutMs?: number;
  /** Epoch milliseconds; what a `Retry-After` date is compared with. */
  readonly now?: () => number;
}

/**
 * Heap's user deletion API, three calls (https://developers.heap.io/reference/user-deletion). Every failure is a value;
 * nothing is repeated here. An answer of 2xx without what it should carry counts as unavailable.
 */
export function createDeletionClient({
  http,
  baseUrl,
  timeoutMs = 15_000,
  now = Date.now,
}: DeletionClientOptions): DeletionClient {
  const root = `${baseUrl.replace(/\/+$/, '')}/api/public/v0`;

  async function send(path: string, authorization: string, call: Omit<HttpCall, 'url'>, signal: AbortSignal) {
    const reply = await http.send({ ...call, url: `${root}/${path}`, headers: { authorization }, timeoutMs }, signal);
    return { reply, answer: succeeded(reply) ? readObject(reply.body) : {} };
  }

  return {
    async token({ appId, apiKey }, signal) {
      const basic = Buffer.from(`${appId}:${apiKey}`, 'utf8').toString('base64');
      const { reply, answer } = await send('auth_token', `Basic ${basic}`, {}, signal);
      const token = answer.access_token;
      // Anything but visible ASCII could not be sent back in a header.
      if (typeof token === 'string' && /^[!-~]+$/.test(token)) return { type: 'ok', token };
      const failure = failureOf(reply, [basic, apiKey], now());
      return failure.type === 'unauthorized'
        ? { ...failure, detail: `${failure.detail}; ${unauthorizedHint}` }
        : failure;
    },

    async requestDeletion(token, identities, signal) {
      const body = JSON.stringify({ users: identities.map((identity) => ({ identity })) });
      const { reply, answer } = await send('user_deletion', `Bearer ${token}`, { body }, signal);
      const requestId = answer.deletion_request_id;
      if (typeof requestId === 'string' && requestId !== '') return { type: 'ok', requestId };
      return failureOf(reply, [token], now());
    },

    async deletionStatus(token, requestId, signal) {
      const path = `deletion_status/${encodeURIComponent(requestId)}`;
      const { reply, answer } = await send(path, `Bearer ${token}`, { method: 'GET' }, signal);
      const { status } = answer;
      if (status === 'pending' || status === 'complete') return { type: 'ok', status };
      if (reply.type === 'answer' && reply.status === 404) return { type: 'unknown' };
      return failureOf(reply, [token], now());
    },
  };
}

function succeeded(reply: Reply): reply is Extract<Reply, { type: 'answer' }> {
  return reply.type === 'answer' && reply.status >= 200 && reply.status < 300;
}
