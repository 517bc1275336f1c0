import { Command } from 'commander';

import { readConfigFile } from '../../service/read-config.js';
import { exitCodes } from '../exit-codes.js';
import { tell } from '../output.js';

export function validateCommand(): Command {
  return new Command('validate')
    .description('Check a configuration file and the mappings it names; reports every fault at once.')
    .argument('<config>', 'configuration file, YAML or JSON')
    .addHelpText(
      'after',
      `
Each fault is one line: file:line:column: path what would be right.

Examples:
  $ heap-destination validate heap-destination.yaml`,
    )
    .action(validate);
}

function validate(file: string): void {
  const read = readConfigFile(file, process.env);
  if (read.ok) {
    const { connections } = read.config;
    const list = connections.map(({ connection }) => `${connection.id} → ${connection.region}:${connection.appId}`);
    process.stdout.write(`${file} is right: ${list.join(', ')}\n`);
    return;
  }
  for (const fault of read.faults) tell(fault);
  process.exitCode = exitCodes.usage;
}
