import { afterAll, beforeAll, describe } from '@jest/globals';

import { startPostgres, type TestPostgres } from '../../../support/postgres/start-postgres.js';
import { itKeepsTheContractOfAStore } from '../store-conformance.js';
import { startHarness } from './postgres-harness.js';

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(async () => {
  await server.stop();
});

describe('the store in PostgreSQL', () => {
  itKeepsTheContractOfAStore(() => startHarness(server), { runs: 10, oddLanes: ['a\0b', '\ud800', '\\u0000'] });
});

describe('the store in PostgreSQL behind a pooler that hands each transaction another session', () => {
  itKeepsTheContractOfAStore(() => startHarness(server, { listen: false, maxUses: 1 }), { runs: 3 });
});
