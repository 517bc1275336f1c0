import type { Request, Response } from 'express';

import type { DataAppOptions } from './data-app-options.js';

export type Handle = (request: Request, response: Response) => void | Promise<void>;

/** What nginx logs when a client is gone before its answer. */
const clientLeft = 499;

/** Tells `onRequest` how a request of this route ended, and after how long. */
export function timed(route: string, { onRequest }: Pick<DataAppOptions, 'onRequest'>, handle: Handle): Handle {
  return (request, response) => {
    const startedAt = performance.now();
    response.once('close', () => {
      onRequest(
        route,
        response.writableFinished ? response.statusCode : clientLeft,
        (performance.now() - startedAt) / 1000,
      );
    });
    return handle(request, response);
  };
}
