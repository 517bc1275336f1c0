import type { Response } from 'express';

import { refuse } from '../answer.js';
import type { DataAppOptions } from './data-app-options.js';

/** False while too much waits for delivery; then the sender has been told to come back, and nothing is read. */
export function hasRoom(response: Response, { intake, onRefused }: DataAppOptions): boolean {
  if (intake.hasRoom()) return true;
  refuse(response, 'backlog_full', onRefused);
  return false;
}
