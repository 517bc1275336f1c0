import { destination, pino } from 'pino';

import { startSimulator } from '../../destinations/heap/simulator/start-simulator.js';
import { exitCodes } from '../exit-codes.js';
import { tell } from '../output.js';

export interface SimulatorCommandOptions {
  readonly port: number;
  readonly host: string;
  readonly seed: number;
}

/** Runs a simulator of Heap until a signal ends it. */
export async function simulate({ port, host, seed }: SimulatorCommandOptions): Promise<void> {
  const logger = pino({ base: null }, destination({ sync: true }));
  try {
    const simulator = await startSimulator({ port, host, seed });
    logger.info({ event: 'listening', url: simulator.url }, 'a simulator of Heap; see /_simulator/');
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void simulator.close());
  } catch (error) {
    tell(`Can't start: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = exitCodes.usage;
  }
}
