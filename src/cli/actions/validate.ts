import { readConfigFile } from '../../service/read-config.js';
import { exitCodes } from '../exit-codes.js';
import { tell } from '../output.js';

/** Checks a configuration file and tells every fault. */
export function validate(file: string): void {
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
