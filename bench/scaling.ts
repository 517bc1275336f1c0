/** npm run bench:scaling: the table of scenarios of docs/scaling.md, from the figures in bench/scaling/measured.ts. */
import { scenarioTable } from './scaling/scenario-table.js';

process.stdout.write(scenarioTable());
