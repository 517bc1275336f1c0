import { Command } from 'commander';

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
    .action(async (file: string) => {
      const { validate } = await import('../actions/validate.js');
      validate(file);
    });
}
