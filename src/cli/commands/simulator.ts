import { Command, InvalidArgumentError } from 'commander';

import type { SimulatorCommandOptions } from '../actions/simulator.js';

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
    .action(async (options: SimulatorCommandOptions) => {
      const { simulate } = await import('../actions/simulator.js');
      await simulate(options);
    });
}

function wholeNumber(option: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new InvalidArgumentError(`${option} takes a whole number`);
  };
}
