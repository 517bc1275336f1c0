import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';

import { leftOf } from './until.js';

/** Node tells this channel of every HTTP request that is made (https://nodejs.org/docs/latest-v20.x/api/diagnostics_channel.html#http). */
const requestStarted = 'http.client.request.start';

export interface HandleWatch {
  /** What is open still that was not when the watch began, once all that can close has closed. Ends the watch. */
  leaks(): Promise<readonly string[]>;
}

/**
 * Watches the sockets of HTTP requests and the timers of this process. Idle sockets of a keep-alive agent are seen as
 * well, which hold no process and so are in none of Node's lists.
 */
export function watchHandles(): HandleWatch {
  const sockets = new Set<Socket>();
  const onRequest = (message: unknown): void => {
    const { request } = message as { readonly request: ClientRequest };
    if (request.socket === null) request.once('socket', (socket) => sockets.add(socket));
    else sockets.add(request.socket);
  };
  const timersBefore = timers();
  subscribe(requestStarted, onRequest);
  const left = (): readonly string[] => {
    const open = [...sockets].filter((socket) => !socket.destroyed).length;
    const more = timers() - timersBefore;
    return [...(open > 0 ? [`${open} sockets are open`] : []), ...(more > 0 ? [`${more} timers are set`] : [])];
  };
  return {
    leaks: async () => {
      unsubscribe(requestStarted, onRequest);
      await leftOf(() => left().length);
      return left();
    },
  };
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}
