import { deletionStatusPrefix, type DeletionApi } from './deletion-api.js';
import type { Ingestion } from './ingestion.js';
import { isJsonObject, type JsonObject } from './json-object.js';
import { textReply, type SimulatedReply } from './simulated-reply.js';
import type { DecodedBody, SimulatedRequest } from './simulated-request.js';

/** One request to Heap, its body decoded. */
export interface Call {
  readonly request: SimulatedRequest;
  readonly body: DecodedBody;
  readonly now: number;
}

/** One endpoint of Heap. */
export interface Route {
  /** The path as the statistics show it. */
  readonly label: string;
  readonly method: 'GET' | 'POST';
  answer(call: Call): SimulatedReply;
}

/** All endpoints by path; the deletion status, whose path has a parameter, by its prefix. */
export type Routes = ReadonlyMap<string, Route>;

export function heapRoutes(ingestion: Ingestion, deletion: DeletionApi): Routes {
  const writes = [
    write('/api/track', (body, now) => ingestion.track(body, now)),
    write('/api/add_user_properties', (body, now) => ingestion.addUserProperties(body, now)),
    write('/api/add_account_properties', (body, now) => ingestion.addAccountProperties(body, now)),
    write('/api/v1/identify', (body, now) => ingestion.identify(body, now)),
    write('/api/integrations/track', (body, now) => ingestion.integrationsTrack(body, now)),
    write('/api/integrations/add_user_properties', (body, now) => ingestion.integrationsAddUserProperties(body, now)),
  ];
  const deletions: Route[] = [
    {
      label: '/api/public/v0/auth_token',
      method: 'POST',
      answer: ({ request, now }) => deletion.authToken(request, now),
    },
    {
      label: '/api/public/v0/user_deletion',
      method: 'POST',
      answer: ({ request, body, now }) =>
        deletion.userDeletion(request, body.kind === 'json' ? body.value : undefined, now),
    },
  ];
  const status: Route = {
    label: `${deletionStatusPrefix}{id}`,
    method: 'GET',
    answer: ({ request, now }) => deletion.deletionStatus(request, now),
  };
  const byPath = [...writes, ...deletions].map((route) => [route.label, route] as const);
  return new Map([...byPath, [deletionStatusPrefix, status]]);
}

export function findRoute(routes: Routes, path: string): Route | undefined {
  return routes.get(path.startsWith(deletionStatusPrefix) ? deletionStatusPrefix : path);
}

/** Answers a call; Heap documents neither unknown paths nor wrong methods, so these are plain HTTP: 404, 405. */
export function answerCall(route: Route | undefined, call: Call): SimulatedReply {
  if (route === undefined) return textReply(404, 'not found');
  if (route.method !== call.request.method) return textReply(405, 'method not allowed', { allow: route.method });
  if (call.body.kind === 'tooLarge') return textReply(413, 'the body is too large');
  return route.answer(call);
}

function write(path: string, answer: (body: JsonObject, now: number) => SimulatedReply): Route {
  return {
    label: path,
    method: 'POST',
    answer({ body, now }) {
      if (body.kind !== 'json') return textReply(400, 'body: is not valid JSON');
      return isJsonObject(body.value) ? answer(body.value, now) : textReply(400, 'body: must be a JSON object');
    },
  };
}
