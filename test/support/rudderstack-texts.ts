import fc from 'fast-check';

/**
 * Requests to the processor's transform, and parts of them, as JSON text: what no value could say is in it too (escapes,
 * white space, members in any order, a key that stands twice, `-0`, `__proto__`, numbers beyond a double).
 */
export type JsonText = string;

type Text = fc.Arbitrary<JsonText>;

const words = ['a', 'b', 'x.y', '', 'id', 'userId', 'timestamp', 'idempotencyKey', '__proto__', 'constructor', '0'];
const anyName = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
);
const gap = fc.constantFrom('', '', '', '', ' ', '\n\t', '\r\n  ');

/** Deeper than the shape limits, than the stack, than anybody would read; and just within. */
const deepText = fc
  .tuple(fc.constantFrom(55, 62, 98, 499, 600, 20_000), fc.constantFrom('[', '{"a":'))
  .map(([levels, open]) => `${open.repeat(levels)}1${(open === '[' ? ']' : '}').repeat(levels)}`);

function braced(open: string, close: string, parts: readonly JsonText[], space: string): JsonText {
  return `${open}${space}${parts.join(`${space},${space}`)}${space}${close}`;
}

/** @param rarity one in so many strings has its first character written as an escape. */
function stringText(text: fc.Arbitrary<string>, rarity: number): Text {
  return fc.oneof(
    { weight: rarity, arbitrary: text.map((plain) => JSON.stringify(plain)) },
    { weight: 1, arbitrary: text.map(escapedText) },
  );
}

function escapedText(plain: string): JsonText {
  const json = JSON.stringify(plain);
  if (plain === '' || json.startsWith('"\\') || (plain.codePointAt(0) ?? 0) > 0xffff) return json;
  return `"\\u${plain.charCodeAt(0).toString(16).padStart(4, '0')}${json.slice(2)}`;
}

/** Events as rudder-server sends them; one in about `rarity` of their parts is missing or something else. */
function textsOf(rarity: number): { readonly usual: Text; readonly odd: Text; readonly body: BodyOf } {
  const scalars = ['null', 'true', 'false', '0', '7', '-1.5', '""', '"u"', '" "'];
  const oddNumbers = ['-0', '1.0', '-1E+2', '5e-324', '1e400', '12345678901234567890'];
  const scalar = fc.oneof(
    { weight: rarity, arbitrary: fc.constantFrom(...scalars) },
    { weight: Math.ceil(rarity / 5), arbitrary: stringText(fc.string({ unit: 'binary', maxLength: 5 }), rarity) },
    { weight: 1, arbitrary: fc.constantFrom(...oddNumbers) },
  );
  const { value: any } = fc.letrec<{ value: JsonText }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 6, arbitrary: scalar },
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.array(tie('value'), { maxLength: 3 }), gap)
          .map(([all, space]) => braced('[', ']', all, space)),
      },
      {
        weight: 3,
        arbitrary: membersText(fc.array(fc.tuple(stringText(anyName, rarity), tie('value')), { maxLength: 4 })),
      },
    ),
  }));
  const odd = fc.oneof(
    { weight: 4, arbitrary: any },
    { weight: 2, arbitrary: scalar },
    { weight: 1, arbitrary: deepText },
  );
  const mostly = (text: Text): Text => fc.oneof({ weight: 2 * rarity, arbitrary: text }, { weight: 1, arbitrary: odd });
  const oneOf = (...texts: readonly JsonText[]): Text => mostly(fc.constantFrom(...texts));

  function membersText(entries: fc.Arbitrary<readonly (readonly [JsonText, JsonText])[]>): Text {
    return fc.tuple(entries, gap).map(([all, space]) =>
      braced(
        '{',
        '}',
        all.map(([key, value]) => `${key}${space}:${space}${value}`),
        space,
      ),
    );
  }

  /** An object with these members, and perhaps some more, in any order. */
  const object = (members: Readonly<Record<string, Text>>, isWhole = false): Text => {
    const entries = Object.entries(members).map(([key, value]) => {
      const entry = fc.tuple(stringText(fc.constant(key), 4 * rarity), value);
      return isWhole ? entry : fc.option(entry, { freq: rarity, nil: undefined });
    });
    const more = fc.array(fc.tuple(stringText(anyName, rarity), any), { maxLength: 2 });
    const noneOrMore = fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: more });
    return membersText(
      fc.tuple(fc.tuple(...entries), noneOrMore, fc.nat(20)).map(([own, others, turn]) => {
        const all = [...own.filter((entry) => entry !== undefined), ...others];
        return [...all.slice(turn % (all.length + 1)), ...all.slice(0, turn % (all.length + 1))];
      }),
    );
  };

  const id = oneOf('"ann"', '"bob"', '"bob"', '""', '7', '["ann"]');
  const time = oneOf('"2026-03-10T12:00:00.000Z"', '"2026-03-10"', '""', '0', 'null');
  const traits = mostly(object({ userId: id, id, timestamp: time, idempotencyKey: any, plan: any }));
  const message = object({
    type: oneOf('"track"', '"track"', '"track"', '"identify"', '"identify"', '" TRACK"', '"page"'),
    userId: id,
    anonymousId: id,
    event: oneOf('"E"', '"F"'),
    channel: oneOf('"web"', '"mobile"', '"server"', '"sources"'),
    properties: mostly(object({ idempotencyKey: id, timestamp: time, a: any })),
    traits: fc.oneof(fc.constant('null'), traits),
    context: mostly(object({ traits, mappedToDestination: any })),
    integrations: oneOf('{"All":true}', '{}'),
    timestamp: time,
    originalTimestamp: time,
  });
  const metadata = object({
    jobId: fc.nat(99).map(String),
    destinationId: oneOf('"dest-1"', '"dest-1"', '"dest-2"', '"dest-3"'),
    workspaceId: oneOf('"ws-1"', '"ws-2"'),
    secret: any,
  });
  const destination = object({
    ID: oneOf('"dest-1"', '"dest-2"'),
    hasDynamicConfig: oneOf('false', 'true'),
    Config: mostly(object({ appId: oneOf('"1"', '"2"'), dataResidency: oneOf('"eu"', '"us"') })),
  });
  const template = fc.constantFrom(
    '"{{ event.userId || x }}"',
    '"{{ event.properties.a || \\"d\\" }}"',
    '"{{metadata.secret||}}"',
  );
  const dynamic = object({ ID: fc.constant('"dest-3"'), Config: object({ appId: template, more: template }) });

  /** Plain, or compacted with destinations that some of the events have not themselves. */
  const body = fc.oneof(
    fc.constant((events: readonly JsonText[]) => `[${events.join(',')}]`),
    fc
      .tuple(destination, fc.option(dynamic), fc.boolean())
      .map(([first, third, isLast]) => (events: readonly JsonText[]) => {
        const input = `"input":[${events.join(',')}]`;
        const shared = `"destinations":{"dest-1":${first}${third === null ? '' : `,"dest-3":${third}`}},"connections":{}`;
        return isLast ? `{${shared},${input}}` : `{${input},${shared}}`;
      }),
  );
  return {
    usual: object({ message, metadata, destination }, true),
    odd: mostly(
      object({
        message: mostly(message),
        metadata: mostly(metadata),
        destination: fc.oneof(mostly(destination), dynamic),
      }),
    ),
    body,
  };
}

type BodyOf = fc.Arbitrary<(events: readonly JsonText[]) => JsonText>;

const calm = textsOf(200);
const wild = textsOf(8);

/** The body around events. */
export const bodyOf: BodyOf = fc.oneof(calm.body, wild.body);

/** One element of a request's events, of a destination that makes one request of each event at most. */
export const eventText = fc.oneof(calm.usual, wild.usual, wild.odd);

/** The elements of one request. */
export const eventTexts = fc.oneof(
  { weight: 2, arbitrary: fc.array(calm.usual, { maxLength: 6 }) },
  { weight: 1, arbitrary: fc.array(eventText, { maxLength: 6 }) },
);

/** A body, mostly one of events; some are cut short or are something else altogether. */
export const bodyText: Text = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(bodyOf, eventTexts).map(([body, events]) => body(events)) },
  {
    weight: 1,
    arbitrary: fc.tuple(bodyOf, eventTexts, fc.nat(400)).map(([body, events, to]) => body(events).slice(0, to)),
  },
  { weight: 1, arbitrary: fc.oneof(deepText, fc.json(), fc.string({ unit: 'binary', maxLength: 20 })) },
);
