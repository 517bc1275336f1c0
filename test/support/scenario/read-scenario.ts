import { readdirSync, readFileSync } from 'node:fs';

import { Ajv } from 'ajv';

import { laneStates } from '../../../src/core/delivery/lane-snapshot.js';
import { readFaultRules } from '../../../src/destinations/heap/simulator/fault-rule.js';
import { Problem } from '../../../src/destinations/heap/simulator/problem.js';
import { simulatorOptions } from '../../../src/destinations/heap/simulator/simulator-options.js';
import { hotPart, lanesOf } from './arrivals.js';
import { policyWith } from './scenario-policy.js';
import { scenarioSchema } from './scenario-schema.js';
import type { Scenario } from './scenario.js';

const isScenario = new Ajv({ allErrors: true, strictTuples: false }).compile<Scenario>(scenarioSchema);

/** The names of the scenario files of a folder, in order. */
export function findScenarios(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort();
}

export function readScenario(path: string): Scenario {
  return checkScenario(JSON.parse(readFileSync(path, 'utf8')));
}

/** @throws with everything that is wrong with it: a scenario that says something nobody looks at would promise too much. */
export function checkScenario(value: unknown): Scenario {
  if (!isScenario(value)) {
    const faults = (isScenario.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
    throw new Error(faults.join('; '));
  }
  policyWith(value.policy ?? {});
  checkSimulator(value);
  checkFaults(value);
  checkGroups(value);
  return value;
}

function checkSimulator({ simulator = {} }: Scenario): void {
  const known = simulatorOptions();
  for (const key of Object.keys(simulator)) {
    if (!(key in known)) throw new Error(`simulator.${key}: there is no such option`);
  }
  for (const key of Object.keys(simulator.limits ?? {})) {
    if (!(key in known.limits)) throw new Error(`simulator.limits.${key}: there is no such limit`);
  }
}

function checkFaults({ heap = [] }: Scenario): void {
  for (const { match = {}, action } of heap) {
    const rules = readFaultRules({ match, action });
    if (rules instanceof Problem) throw new Error(rules.text);
  }
}

function checkGroups(scenario: Scenario): void {
  const groups = lanesOf(scenario);
  const { arrivals, heap = [], actions = [], expect } = scenario;
  const hot = new Set(arrivals.filter((source) => source.hot !== undefined).map(({ group }) => hotPart(group)));
  const named = [
    ...heap.map(({ group }) => group),
    ...actions.map((action) => (action.do === 'resume' ? action.group : undefined)),
    ...(expect.during ?? []).map(({ group }) => group),
    ...Object.keys({ ...expect.states, ...expect.comparedToHealthy }),
    ...Object.keys(expect.latency ?? {}).filter((group) => !hot.has(group)),
  ];
  for (const group of named) {
    if (group !== undefined && !groups.has(group)) throw new Error(`there is no group ${group}`);
  }
  const states: readonly string[] = laneStates;
  for (const { final = [], seen = [], never = [] } of Object.values(expect.states ?? {})) {
    const unknown = [...final, ...seen, ...never].find((state) => !states.includes(state));
    if (unknown !== undefined) throw new Error(`there is no state ${unknown}`);
  }
}
