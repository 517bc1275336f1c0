import { tell } from './output.js';

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'];

/** The level that LOG_LEVEL asks for; an unknown one is told and is `info`. */
export function logLevel(name: string | undefined): string {
  if (name === undefined || name === '') return 'info';
  if (logLevels.includes(name)) return name;
  tell(`LOG_LEVEL is one of ${logLevels.join(', ')}, not "${name}"; logging at info`);
  return 'info';
}
