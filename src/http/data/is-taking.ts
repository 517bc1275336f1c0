import type { Response } from 'express';

import { refuse } from '../answer.js';
import type { DataAppOptions } from './data-app-options.js';

/** False while the service stops; then the sender has been told to come back. */
export function isTaking(response: Response, { isStopping, onRefused }: DataAppOptions): boolean {
  if (!isStopping()) return true;
  response.setHeader('Connection', 'close');
  refuse(response, 'shutting_down', onRefused);
  return false;
}
