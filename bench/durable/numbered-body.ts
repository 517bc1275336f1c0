import { sampleEvents } from '../sample-events.js';

/** Where a number of so many digits stands in a body. */
const digits = 12;
const zeros = '0'.repeat(digits);

/** Which of the sample events are sent: all, one of ten of them an identify, or only those that become a track. */
export type Mix = 'all' | 'tracks';

/** Events of one visitor in a row. */
const eventsPerVisit = 5;
const visitors = 40_000;

interface Place {
  readonly offset: number;
  readonly holds: 'number' | 'identify' | 'visitor';
}

/** What the next event is numbered. */
export interface Numbers {
  /** Of all events. */
  event: number;
  /** Of the events that the sink counts: those that become a track. */
  track: number;
}

/**
 * The body of a request with events of `bench/sample-events.ts`, whose ids are written anew for each time that it is sent:
 * a repeat would not be stored. The sink tells events by their `messageId`, "bench-" and 12 digits; an identify has
 * another one.
 */
export class NumberedBody {
  readonly bytes: Buffer;
  /** Events that become a track. */
  readonly tracks: number;
  readonly #places: readonly (readonly Place[])[];
  readonly #spans: readonly (readonly [start: number, end: number])[];

  /** @param first index of the first event in the mix of ten. */
  constructor(
    readonly events: number,
    mix: Mix,
    first = 0,
  ) {
    const all = sampleEvents(2 * (first + events)) as readonly SampleEvent[];
    const texts = all
      .filter(({ type }) => mix === 'all' || type !== 'identify')
      .slice(first, first + events)
      .map((event) => JSON.stringify(withIds(event)));
    this.bytes = Buffer.from(`{"batch":[${texts.join(',')}]}`);
    this.tracks = texts.filter((text) => text.includes('"bench-')).length;
    let end = '{"batch":'.length;
    this.#spans = texts.map((text) => {
      const start = end + 1;
      end = start + Buffer.byteLength(text);
      return [start, end];
    });
    this.#places = texts.map((text, index) => {
      const [start = 0] = this.#spans[index] ?? [];
      return placesOf(text).map((place) => ({ ...place, offset: place.offset + start }));
    });
  }

  /** The JSON texts of the events, as they are numbered now. */
  texts(): readonly string[] {
    return this.#spans.map(([start, end]) => this.bytes.toString('utf8', start, end));
  }

  /** Gives each event the next numbers. */
  renumber(numbers: Numbers): void {
    for (const places of this.#places) {
      const visitor = Math.floor(numbers.event / eventsPerVisit) % visitors;
      for (const { offset, holds } of places) this.#write(offset, valueOf(holds, numbers, visitor));
      if (places.some(({ holds }) => holds === 'number')) numbers.track += 1;
      numbers.event += 1;
    }
  }

  #write(offset: number, value: number): void {
    let rest = value;
    for (let digit = digits - 1; digit >= 0; digit -= 1) {
      this.bytes[offset + digit] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }
}

interface SampleEvent {
  readonly type: string;
  readonly userId: string | null;
  readonly traits?: object;
}

function withIds(event: SampleEvent): object {
  const user = `user-${zeros}@shop.example`;
  return {
    ...event,
    messageId: `${event.type === 'identify' ? 'ident' : 'bench'}-${zeros}`,
    anonymousId: `67c4b8f3-ff23-4179-b153-${zeros}`,
    userId: event.userId === null ? null : user,
    ...(event.traits !== undefined && { traits: { ...event.traits, email: user } }),
  };
}

const markers: readonly (readonly [string, Place['holds']])[] = [
  [`"bench-${zeros}`, 'number'],
  [`"ident-${zeros}`, 'identify'],
  [`-b153-${zeros}`, 'visitor'],
  [`"user-${zeros}`, 'visitor'],
];

function placesOf(text: string): readonly Place[] {
  const bytes = Buffer.from(text);
  return markers.flatMap(([marker, holds]) => {
    const places: Place[] = [];
    for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) {
      places.push({ offset: at + marker.length - digits, holds });
    }
    return places;
  });
}

function valueOf(holds: Place['holds'], { event, track }: Numbers, visitor: number): number {
  switch (holds) {
    case 'number':
      return track;
    case 'identify':
      return event;
    case 'visitor':
      return visitor;
  }
}
