import type { ConnectionId } from '../connections.js';
import type { JsonObject } from '../json.js';
import type { ExpectedTime, Owner, StoryEvent, Write } from './story-event.js';

/** How one SDK on one device speaks. */
export interface Voice {
  readonly connection: ConnectionId;
  /** Moments as this SDK can write them: some have whole seconds only. */
  readonly precisionMs: number;
  messageId(at: number): string;
  context(): JsonObject;
  /** The event's time fields, and the time that Heap should end up with. */
  times(at: number): { readonly fields: JsonObject; readonly expected: ExpectedTime };
}

/** Who is speaking; at least one of the two. Backends with old databases have numbers for user ids. */
export interface Speaker {
  readonly userId?: string | number;
  readonly anonymousId?: string;
}

/** An identified speaker. */
export interface User extends Speaker {
  readonly userId: string | number;
}

/** Where traits stand: RudderStack's browser SDK has them in the context only. */
export type TraitsPlace = 'traits' | 'context';

/**
 * Writes the story down: each method adds one event, as the voice's SDK would send it, together with the writes that
 * Heap should see for it.
 */
export class Recorder {
  constructor(
    private readonly voice: Voice,
    private readonly out: StoryEvent[],
  ) {}

  track(at: number, speaker: Speaker, name: string, properties: JsonObject, adjustments: readonly string[] = []): void {
    this.add(at, speaker, { type: 'track', event: name, properties }, adjustments, (owner, time) => [
      { kind: 'track', owner, name, properties, time },
    ]);
  }

  page(at: number, speaker: Speaker, name: string, category: string | undefined, properties: JsonObject): void {
    this.view('page', 'Page viewed', at, speaker, name, category, properties);
  }

  screen(at: number, speaker: Speaker, name: string, category: string | undefined, properties: JsonObject): void {
    this.view('screen', 'Screen viewed', at, speaker, name, category, properties);
  }

  identify(at: number, user: User, traits: JsonObject, place: TraitsPlace = 'traits', adjustments?: string[]): void {
    const identity = String(user.userId);
    const { id: _reserved, ...kept } = traits;
    const writes: Write[] = [];
    if (user.anonymousId !== undefined) writes.push({ kind: 'merge', anonymousId: user.anonymousId, identity });
    if (Object.keys(kept).length > 0) writes.push({ kind: 'userProperties', identity, properties: kept });
    const fields: JsonObject =
      place === 'traits' ? { type: 'identify', traits } : { type: 'identify', context: { traits } };
    this.add(at, user, fields, adjustments ?? [], () => writes);
  }

  group(at: number, speaker: Speaker, accountId: string, traits: JsonObject): void {
    const writes: Write[] = [{ kind: 'accountProperties', accountId, properties: traits }];
    const { userId } = speaker;
    if (userId !== undefined) {
      writes.push({ kind: 'userProperties', identity: String(userId), properties: { account_id: accountId } });
    }
    const adjustments = userId === undefined ? ['account_link_skipped'] : [];
    this.add(at, speaker, { type: 'group', groupId: accountId, traits }, adjustments, () => writes);
  }

  alias(at: number, userId: string, previousId: string): void {
    this.add(at, { userId }, { type: 'alias', previousId }, [], () => [
      { kind: 'merge', anonymousId: previousId, identity: userId },
    ]);
  }

  /** A track that is about an anonymous visitor, from a page that printed a missing user id as text. */
  trackWithPlaceholder(at: number, placeholder: string, anonymousId: string, name: string): void {
    const fields = { type: 'track', event: name, properties: {}, userId: placeholder };
    this.add(at, { anonymousId }, fields, ['placeholder_ignored'], (owner, time) => [
      { kind: 'track', owner, name, properties: {}, time },
    ]);
  }

  private view(
    type: 'page' | 'screen',
    eventName: string,
    at: number,
    speaker: Speaker,
    name: string,
    category: string | undefined,
    properties: JsonObject,
  ): void {
    const named: JsonObject = category === undefined ? { name } : { name, category };
    this.add(at, speaker, { type, ...named, properties }, [], (owner, time) => [
      { kind: 'track', owner, name: eventName, properties: { ...properties, ...named }, time },
    ]);
  }

  private add(
    moment: number,
    speaker: Speaker,
    fields: JsonObject,
    adjustments: readonly string[],
    writes: (owner: Owner, time: ExpectedTime) => readonly Write[],
  ): void {
    const at = moment - (moment % this.voice.precisionMs);
    const messageId = this.voice.messageId(at);
    const times = this.voice.times(at);
    const { context, ...rest } = fields;
    const event: JsonObject = {
      ...rest,
      ...(speaker.userId === undefined ? {} : { userId: speaker.userId }),
      ...(speaker.anonymousId === undefined ? {} : { anonymousId: speaker.anonymousId }),
      context: { ...this.voice.context(), ...(context as JsonObject | undefined) },
      messageId,
      ...times.fields,
    };
    const effect = { outcome: 'delivered', writes: writes(ownerOf(speaker), times.expected), adjustments } as const;
    this.out.push({ connection: this.voice.connection, at, messageId, event, effect });
  }
}

function ownerOf({ userId, anonymousId }: Speaker): Owner {
  if (userId !== undefined) return { identity: String(userId) };
  if (anonymousId !== undefined) return { anonymousId };
  throw new Error('somebody has to speak');
}
