import { Command, InvalidArgumentError } from 'commander';
import { destination, pino } from 'pino';

import { startSimulator } from '../../destinations/heap/simulator/start-simulator.js';
import { exitCodes } from '../exit-codes.js';
import { tell } from '../output.js';

interface SimulatorCommandOptions {
  readonly port: number;
  readonly host: string;
  readonly seed: number;
}

export function simulatorCommand(): Command {
  return new Command('simulator')
    .description(
      'Run a simulator of Heap: a real HTTP server with its documented rules, limits and, on demand, faults.',
    )
    .option('-p, --port <port>', 'port to listen on; 0 takes a free one', wholeNumber('--port'), 9092)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--seed <n>', 'seed of everything random', wholeNumber('--seed'), 1)
    .addHelpText(
      'after',
      `
Examples:
  $ heap-destination simulator
  $ HEAP_API_URL_US=http://127.0.0.1:9092 HEAP_APP_ID=1 WRITE_KEY=k heap-destination serve
  $ curl http://127.0.0.1:9092/_simulator/state
  $ curl -d '{"match":{"path":"/api/track"},"action":{"status":503}}' http://127.0.0.1:9092/_simulator/faults`,
    )
    .action(simulate);
}

function wholeNumber(option: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new InvalidArgumentError(`${option} takes a whole number`);
  };
}

async function simulate({ port, host, seed }: SimulatorCommandOptions): Promise<void> {
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
