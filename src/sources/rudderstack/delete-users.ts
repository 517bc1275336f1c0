import { isJsonArray, isJsonObject, type Json } from '../../core/json/json.js';
import type { DeletionBackend, DeletionOutcome, DeletionRequest } from './deletion-backend.js';

/** One element of the answer. All texts are plain strings: the worker can read nothing else. */
export interface DeleteUsersResult {
  readonly statusCode: number;
  readonly status: 'successful' | 'failed';
  readonly error?: string;
}

export interface DeleteUsersAnswer {
  /** The status of the HTTP answer: the first result's, the only one that the worker looks at. */
  readonly httpStatus: number;
  /** The body of the HTTP answer. */
  readonly results: readonly DeleteUsersResult[];
}

export interface DeleteUsersOptions {
  readonly backend: DeletionBackend;
  /** The API key of an app id whose `config` has none: RudderStack's own form for Heap has no field for it. */
  readonly apiKeyOf?: (appId: string) => string | undefined;
}

/**
 * The body of `POST /deleteUsers` of rudder-server's regulation worker: `[{jobId, destType, config, userAttributes}]`.
 * The worker sends one element, and the same one again until it hears 200; each element is treated by itself.
 *
 * | outcome | status |
 * | --- | --- |
 * | the destination says that all users are gone | 200, and never before |
 * | it has not finished, or can't be reached | 503 |
 * | it asks to slow down | 429 |
 * | it does not accept the credentials | 401 |
 * | it refuses, or the element lacks something; then nothing of it was requested | 400 |
 *
 * 404 and 405 are never answered: the worker takes them for "not supported" and gives the job up, where every other
 * failure makes it try again.
 */
export async function deleteUsers(
  body: Json,
  { backend, apiKeyOf = () => undefined }: DeleteUsersOptions,
  signal: AbortSignal,
): Promise<DeleteUsersAnswer> {
  const elements = isJsonArray(body) ? body : [];
  const destType = destTypeOf(body);
  const results = await Promise.all(
    elements.map(async (element): Promise<DeleteUsersResult> => {
      const read = readElement(element, destType, apiKeyOf);
      return typeof read === 'string' ? failed(400, read) : resultOf(await backend.remove(read, signal));
    }),
  );
  const [first] = results;
  if (first !== undefined) return { httpStatus: first.statusCode, results };
  const nothing = failed(400, 'the body must be a list of deletion jobs and not empty; nothing was deleted');
  return { httpStatus: nothing.statusCode, results: [nothing] };
}

/** The destination's type that the body's first element names, trimmed and in lower case. */
export function destTypeOf(body: Json): string | undefined {
  const first = isJsonArray(body) ? body[0] : undefined;
  return destTypeOfElement(first);
}

function destTypeOfElement(element: Json | undefined): string | undefined {
  const destType = isJsonObject(element) ? element.destType : undefined;
  return typeof destType === 'string' ? destType.trim().toLowerCase() : undefined;
}

/** The element as a request, or what keeps it from being one: a deletion is all of its users or none. */
function readElement(
  element: Json,
  destType: string | undefined,
  apiKeyOf: (appId: string) => string | undefined,
): DeletionRequest | string {
  if (!isJsonObject(element)) return 'the deletion job is not an object; nothing was deleted';
  if (destTypeOfElement(element) !== destType) return 'destType is not that of the first job; nothing was deleted';
  const config = isJsonObject(element.config) ? element.config : {};
  const appId = idText(config.appId)?.trim();
  const apiKey = idText(config.apiKey)?.trim() ?? (appId === undefined ? undefined : apiKeyOf(appId));
  const users = readUsers(element.userAttributes);
  if (appId !== undefined && apiKey !== undefined && users.ok) {
    const jobId = idText(element.jobId);
    const request = { credentials: { appId, apiKey }, identities: users.identities };
    return jobId === undefined ? request : { ...request, jobId };
  }
  const faults = [
    ...(appId === undefined ? ['config.appId is missing'] : []),
    ...(apiKey === undefined ? ['config.apiKey is missing'] : []),
    ...(users.ok ? [] : [users.fault]),
  ];
  return `${faults.join(', ')}; nothing was deleted`;
}

type Users =
  { readonly ok: true; readonly identities: readonly string[] } | { readonly ok: false; readonly fault: string };

/**
 * A user is named by `userId`; the other attributes are not looked at. An id with white space around it is deleted both
 * as it is and trimmed: events reached the destination with the one or the other, as their mapping says.
 */
function readUsers(value: Json | undefined): Users {
  if (!isJsonArray(value) || value.length === 0) {
    return { ok: false, fault: 'userAttributes must be a list of users and not empty' };
  }
  const identities: string[] = [];
  for (const [index, user] of value.entries()) {
    const id = isJsonObject(user) ? idText(user.userId) : undefined;
    if (id === undefined) {
      return { ok: false, fault: `userAttributes[${index}].userId is missing, blank, or not an id` };
    }
    identities.push(id);
    if (id.trim() !== id) identities.push(id.trim());
  }
  return { ok: true, identities };
}

/**
 * A text, or a number as text. A number beyond 2^53 has lost its last digits, and NUL and half surrogate pairs do not
 * arrive as they are: with those it could be somebody else who is deleted.
 */
function idText(value: Json | undefined): string | undefined {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value) : undefined;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  return value.isWellFormed() && !value.includes('\0') ? value : undefined;
}

function resultOf(outcome: DeletionOutcome): DeleteUsersResult {
  switch (outcome.type) {
    case 'complete':
      return { statusCode: 200, status: 'successful' };
    case 'pending':
      return failed(503, `${outcome.detail}; send the same request again to ask how far it is`);
    case 'unauthorized':
      return failed(401, `config.appId and config.apiKey are not accepted: ${outcome.detail}`);
    case 'refused':
      return failed(400, `the deletion was refused: ${outcome.detail}`);
    case 'throttled':
      return failed(429, `too many requests: ${outcome.detail}${askAgain(outcome.afterMs)}`);
    case 'unavailable':
      return failed(503, `no deletion yet: ${outcome.detail}${askAgain(outcome.afterMs)}`);
  }
}

function askAgain(afterMs: number | undefined): string {
  return `; send the same request again${afterMs === undefined ? '' : ` in ${Math.ceil(afterMs / 1000)} s`}`;
}

function failed(statusCode: number, error: string): DeleteUsersResult {
  return { statusCode, status: 'failed', error };
}
