import type { Request, Response } from 'express';

import { StoreUnavailable } from '../../core/store/store-unavailable.js';

type Handle<P> = (request: Request<P>, response: Response) => Promise<void>;

/** Whole events are in the answers: they are kept nowhere. A store that can't be reached is no fault of the service. */
export function storeRoute<P = Record<string, string>>(handle: Handle<P>): Handle<P> {
  return async (request, response) => {
    response.setHeader('Cache-Control', 'no-store');
    try {
      await handle(request, response);
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || response.headersSent) throw error;
      response.status(503).json({ status: 'unavailable', message: 'the store can not be reached now; ask again' });
    }
  };
}

export function refuse(response: Response, status: number, message: string): void {
  response.status(status).json({ status: 'refused', message });
}
