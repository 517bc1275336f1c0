import { eventKinds } from './scenario.js';

type Schema = Readonly<Record<string, unknown>>;

const seconds = { type: 'number', minimum: 0 };
const count = { type: 'integer', minimum: 1 };
const share = { type: 'number', minimum: 0, maximum: 1 };
const text = { type: 'string', minLength: 1 };
const band = { type: 'array', minItems: 2, maxItems: 2, items: { type: 'number' } };
const words = { type: 'array', minItems: 1, items: text };
/** Its keys are checked by whoever takes it. */
const open = { type: 'object' };

function closed(properties: Schema, required: readonly string[] = []): Schema {
  return { type: 'object', additionalProperties: false, required, properties };
}

function mapOf(schema: Schema): Schema {
  return { type: 'object', additionalProperties: schema };
}

const arrivals = closed(
  {
    group: text,
    lanes: count,
    identities: count,
    perSecond: { type: 'number', exclusiveMinimum: 0 },
    burst: count,
    from: seconds,
    until: seconds,
    mix: closed(Object.fromEntries(eventKinds.map((kind) => [kind, { type: 'number', minimum: 0 }]))),
    hot: share,
    poison: { oneOf: [closed({ every: count }, ['every']), closed({ share }, ['share'])] },
    bytes: count,
  },
  ['group', 'lanes', 'identities'],
);

const fault = closed(
  {
    from: seconds,
    until: seconds,
    flapping: closed({ onSeconds: seconds, offSeconds: seconds }, ['onSeconds', 'offSeconds']),
    group: text,
    lanes: count,
    match: open,
    action: open,
  },
  ['from', 'until', 'action'],
);

const action = {
  oneOf: [
    closed({ at: seconds, do: { const: 'restart' }, seconds }, ['at', 'do']),
    closed({ at: seconds, do: { const: 'stop' }, deadlineSeconds: seconds }, ['at', 'do', 'deadlineSeconds']),
    closed({ at: seconds, do: { const: 'jumpClock' }, seconds: { type: 'number' } }, ['at', 'do', 'seconds']),
    closed({ at: seconds, do: { const: 'resume' }, group: text }, ['at', 'do', 'group']),
  ],
};

const during = closed(
  {
    from: seconds,
    until: seconds,
    group: text,
    requests: band,
    appShare: band,
    hotShare: band,
    stored: band,
    rejected: band,
  },
  ['from', 'until'],
);

const expectations = closed({
  accepted: band,
  delivered: band,
  rejected: mapOf(band),
  deadLetters: text,
  abandoned: band,
  queued: band,
  remaining: band,
  duplicates: band,
  requests: band,
  throttled: band,
  retryShare: band,
  during: { type: 'array', items: during },
  peakAppShare: band,
  peakIdentityShare: band,
  peakUserPropertiesShare: band,
  latency: mapOf(closed({ p50: band, p99: band })),
  recoverySeconds: band,
  maxInFlight: band,
  maxInFlightPerLane: band,
  states: mapOf(closed({ final: words, seen: words, never: words })),
  hostStates: words,
  comparedToHealthy: mapOf(band),
});

/** The JSON schema of a scenario file. */
export const scenarioSchema = closed(
  {
    name: text,
    why: text,
    seed: { type: 'integer', minimum: 0 },
    seconds,
    drainSeconds: seconds,
    policy: open,
    maxBacklog: count,
    arrivals: { type: 'array', minItems: 1, items: arrivals },
    heap: { type: 'array', items: fault },
    simulator: open,
    roundTripMs: { type: 'number', minimum: 0 },
    actions: { type: 'array', items: action },
    expect: expectations,
  },
  ['name', 'why', 'seed', 'seconds', 'arrivals', 'expect'],
);
