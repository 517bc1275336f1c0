import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Classify } from '../../../src/core/delivery/reply.js';
import { classifyHeapReply } from '../../../src/destinations/heap/classify-reply.js';
import { anyScenario } from '../../support/scenario/any-scenario.js';
import { brokenLaws } from '../../support/scenario/conservation.js';
import { judge, judgeComparison } from '../../support/scenario/judge.js';
import { measure, type Measures } from '../../support/scenario/measures.js';
import { checkScenario, findScenarios, readScenario } from '../../support/scenario/read-scenario.js';
import { ScenarioRun } from '../../support/scenario/run-scenario.js';
import type { Scenario } from '../../support/scenario/scenario.js';

const folder = fileURLToPath(new URL('../../__fixtures__/scenarios/', import.meta.url));
const files = findScenarios(folder);

/** In virtual time; how long that takes depends on the machine alone. */
const timeoutMs = 120_000;

async function runWhole(scenario: Scenario): Promise<{ readonly run: ScenarioRun; readonly measures: Measures }> {
  const run = new ScenarioRun(scenario);
  await run.run();
  return { run, measures: measure(run) };
}

/** What scenarios come to without their faults; those that are the same then are run once. */
const inHealth = new Map<string, Measures>();

async function measureInHealth({ seed, seconds, arrivals }: Scenario): Promise<Measures> {
  const calm: Scenario = { name: 'in health', why: 'to compare with', seed, seconds, arrivals, expect: {} };
  const key = JSON.stringify(calm);
  const known = inHealth.get(key);
  if (known !== undefined) return known;
  const { run, measures } = await runWhole(calm);
  expect([...brokenLaws(run), ...judge(run, measures)]).toEqual([]);
  inHealth.set(key, measures);
  return measures;
}

describe('delivery', () => {
  for (const file of files) {
    const scenario = readScenario(`${folder}${file}`);
    it(
      `${scenario.name} [${file}]`,
      async () => {
        const { run, measures } = await runWhole(scenario);
        const findings = [...brokenLaws(run), ...judge(run, measures)];
        if (scenario.expect.comparedToHealthy !== undefined) {
          findings.push(...judgeComparison(scenario.expect, measures, await measureInHealth(scenario)));
        }
        expect(findings).toEqual([]);
      },
      timeoutMs,
    );
  }

  it(
    'neither loses nor doubles nor reorders anything, whatever happens',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyScenario, async (scenario) => {
          const run = new ScenarioRun(checkScenario(scenario));
          await run.run();
          expect(brokenLaws(run)).toEqual([]);
          // Whoever is left waits for a person, or for a limit that is too low for what came.
          const states = run.snapshot().lanes.flatMap(({ backlog, state }) => (backlog > 0 ? [state] : []));
          const allowed = scenario.simulator?.limits === undefined ? ['paused'] : ['paused', 'throttled', 'sending'];
          expect(states.filter((state) => !allowed.includes(state))).toEqual([]);
        }),
        { numRuns: 20 },
      );
    },
    timeoutMs,
  );

  it('is described by at least 28 scenarios, each with a name of its own', () => {
    const names = files.map((file) => readScenario(`${folder}${file}`).name);
    expect(names.length).toBeGreaterThanOrEqual(28);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('what is checked after every scenario', () => {
  const faulty: Scenario = checkScenario({
    name: 'half of the requests fail',
    why: 'to have something to lie about',
    seed: 7,
    seconds: 60,
    drainSeconds: 300,
    arrivals: [{ group: 'apps', lanes: 2, identities: 20, perSecond: 5, mix: { track: 3, addUserProperties: 1 } }],
    heap: [{ from: 5, until: 55, match: { probability: 0.5 }, action: { status: 503 } }],
    expect: {},
  });

  async function findingsWith(classify: Classify): Promise<readonly string[]> {
    const run = new ScenarioRun(faulty, classify);
    await run.run();
    return brokenLaws(run);
  }

  it('holds where nobody lies', async () => {
    expect(await findingsWith(classifyHeapReply)).toEqual([]);
  });

  it('does not where what Heap refused is said to be delivered', async () => {
    const findings = await findingsWith(() => ({ type: 'delivered' }));
    expect(findings).toContainEqual(expect.stringContaining('was said to be delivered and Heap lacks it'));
    expect(findings).toContainEqual(expect.stringContaining('Heap lacks the event'));
  });

  it('does not where what Heap took is said to be refused', async () => {
    const findings = await findingsWith((reply, now) => {
      const outcome = classifyHeapReply(reply, now);
      return outcome.type === 'delivered' ? { type: 'rejected', detail: 'a lie' } : outcome;
    });
    expect(findings).toContainEqual(expect.stringContaining('was rejected and Heap has it'));
  });

  it('does not where a band is missed', async () => {
    const { run, measures } = await runWhole(faulty);
    const expected = { requests: [0, 0], throttled: [1, 2], latency: { apps: { p99: [0, 0] } } } as const;
    const strict = new ScenarioRun({ ...faulty, expect: expected });
    expect(judge(run, measures)).toEqual([]);
    expect(judge(strict, measures)).toEqual([
      expect.stringMatching(/^requests: \d+, expected 0 to 0$/u),
      expect.stringMatching(/^answers 429: 0/u),
      expect.stringMatching(/^p99 of apps/u),
    ]);
  });
});

describe('a scenario file', () => {
  const smallest = { name: 'n', why: 'w', seed: 1, seconds: 1, arrivals: [{ group: 'a', lanes: 1, identities: 1 }] };

  it.each([
    ['at the top', { seed: 1, sed: 2 }],
    ['in what is expected', { expect: { delivred: [1, 2] } }],
    ['in a policy', { policy: { lane: { lingerMillis: 1 } } }],
    ['in the options of the simulator', { simulator: { retryAfters: 'date' } }],
    ['in the limits of the simulator', { simulator: { limits: { perApp: null } } }],
    ['in a fault', { heap: [{ from: 0, until: 1, action: { status: 503, delayMs: 1 } }] }],
    ['in a group that is named', { expect: { latency: { b: { p50: [0, 1] } } } }],
    ['in a state that is named', { expect: { states: { a: { seen: ['happy'] } } } }],
  ])('must not say what nobody looks at: %s', (_where, more) => {
    expect(checkScenario({ ...smallest, expect: {} })).toBeDefined();
    expect(() => checkScenario({ ...smallest, expect: {}, ...more })).toThrow();
  });
});
