import { isGiven, isJsonObject, type JsonObject } from './json-object.js';
import { Problem } from './problem.js';
import { randomHex, randomUuid, type Random } from './seeded-random.js';
import { jsonReply, type SimulatedReply } from './simulated-reply.js';
import { header, type SimulatedRequest } from './simulated-request.js';
import { defaultApiKey, type SimulatorOptions } from './simulator-options.js';
import { readSubject, type Subject } from './subject.js';
import { readItems } from './write-items.js';

/** https://help.heap.io/data-privacy/data-deletion/user-deletion-with-postman: a token lives for five minutes. */
const tokenLifeMs = 5 * 60_000;

export const deletionStatusPrefix = '/api/public/v0/deletion_status/';

interface Token {
  readonly appId: string;
  readonly expiresAt: number;
}

interface Deletion {
  readonly id: string;
  readonly appId: string;
  readonly dueAt: number;
  readonly subjects: readonly Subject[];
  complete: boolean;
}

/** Deletes users of one app_id. */
export type DeleteUsers = (appId: string, subjects: readonly Subject[]) => void;

/**
 * Heap's user deletion API (https://developers.heap.io/reference/user-deletion). A deletion is `pending`, then once
 * `complete`, when its users and all that was received from them by then are gone. Users that are unknown are no error.
 */
export class DeletionApi {
  private readonly tokens = new Map<string, Token>();
  private readonly deletions = new Map<string, Deletion>();
  private pending: Deletion[] = [];

  constructor(
    private readonly options: SimulatorOptions,
    private readonly random: Random,
    private readonly deleteUsers: DeleteUsers,
  ) {}

  /** Completes the deletions that are due; to be called before anything is answered. */
  settle(now: number): void {
    if (this.pending.length === 0) return;
    for (const deletion of this.pending.filter(({ dueAt }) => dueAt <= now)) {
      for (const appId of this.environmentsOf(deletion.appId)) this.deleteUsers(appId, deletion.subjects);
      deletion.complete = true;
    }
    this.pending = this.pending.filter(({ complete }) => !complete);
  }

  counts(): { readonly pending: number; readonly complete: number } {
    return { pending: this.pending.length, complete: this.deletions.size - this.pending.length };
  }

  /** The app_id that a request's credentials name, valid or not. */
  appIdOf(request: SimulatedRequest): string | undefined {
    return basicCredentials(request)?.appId ?? this.tokens.get(bearerToken(request) ?? '')?.appId;
  }

  /** `POST /api/public/v0/auth_token` */
  authToken(request: SimulatedRequest, now: number): SimulatedReply {
    const credentials = basicCredentials(request);
    if (credentials === undefined || credentials.apiKey !== this.apiKeyOf(credentials.appId)) {
      return jsonReply(401, { err: { message: 'Unauthorized' } });
    }
    for (const [token, { expiresAt }] of this.tokens) if (expiresAt <= now) this.tokens.delete(token);
    const token = randomHex(this.random, 40);
    this.tokens.set(token, { appId: credentials.appId, expiresAt: now + tokenLifeMs });
    return jsonReply(200, { access_token: token });
  }

  /** `POST /api/public/v0/user_deletion` */
  userDeletion(request: SimulatedRequest, body: unknown, now: number): SimulatedReply {
    const appId = this.authorised(request, now);
    if (appId === undefined) return failure(401, 'Unauthorized', 'the access token is missing, unknown or expired');
    if (!isJsonObject(body)) return failure(400, 'Bad Request', 'the body must be a JSON object');
    const subjects = readItems(body.users, 'users', this.options.limits.deletionUsersPerRequest, readDeletionSubject);
    if (subjects instanceof Problem) return failure(400, 'Bad Request', subjects.text);
    const id = randomUuid(this.random);
    const deletion = { id, appId, subjects, dueAt: now + this.options.deletionDelayMs, complete: false };
    this.deletions.set(id, deletion);
    this.pending.push(deletion);
    const location = `http://${header(request, 'host') ?? 'heapanalytics.com'}${deletionStatusPrefix}${id}`;
    return jsonReply(201, { deletion_request_location: location, deletion_request_id: id, status: 'pending' });
  }

  /** `GET /api/public/v0/deletion_status/{deletion_request_id}` */
  deletionStatus(request: SimulatedRequest, now: number): SimulatedReply {
    const appId = this.authorised(request, now);
    if (appId === undefined) return failure(401, 'Unauthorized', 'the access token is missing, unknown or expired');
    const deletion = this.deletions.get(request.path.slice(deletionStatusPrefix.length));
    if (deletion?.appId !== appId) return failure(404, 'Not Found', 'no such deletion request');
    return jsonReply(200, { deletion_request_id: deletion.id, status: deletion.complete ? 'complete' : 'pending' });
  }

  private authorised(request: SimulatedRequest, now: number): string | undefined {
    const token = this.tokens.get(bearerToken(request) ?? '');
    return token !== undefined && now < token.expiresAt ? token.appId : undefined;
  }

  private apiKeyOf(appId: string): string | undefined {
    const { apiKeys } = this.options;
    if (apiKeys === undefined) return defaultApiKey;
    return Object.hasOwn(apiKeys, appId) ? apiKeys[appId] : undefined;
  }

  private environmentsOf(appId: string): readonly string[] {
    const { environments } = this.options;
    return Object.hasOwn(environments, appId) ? [appId, ...(environments[appId] ?? [])] : [appId];
  }
}

/** The page's wording allows one of the two; both at once cannot be told apart from a mistake and is refused. */
function readDeletionSubject(item: JsonObject): Subject | Problem {
  if (!isGiven(item.user_id) && !isGiven(item.identity))
    return new Problem('user_id', 'user_id or identity is required');
  return readSubject(item);
}

function failure(status: number, error: string, message: string): SimulatedReply {
  return jsonReply(status, { error, message });
}

function bearerToken(request: SimulatedRequest): string | undefined {
  return /^bearer +(\S+)$/i.exec(header(request, 'authorization') ?? '')?.[1];
}

function basicCredentials(request: SimulatedRequest): { readonly appId: string; readonly apiKey: string } | undefined {
  const encoded = /^basic +(\S+)$/i.exec(header(request, 'authorization') ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString();
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : { appId: decoded.slice(0, colon), apiKey: decoded.slice(colon + 1) };
}
