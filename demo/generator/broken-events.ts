import type { ConnectionId } from '../connections.js';
import type { JsonObject } from '../json.js';
import type { Random } from './random.js';
import type { StoryEvent } from './story-event.js';
import { day, isoUtc, minute, storyStart } from './time.js';

interface BrokenEvent {
  readonly reason: string;
  readonly outcome?: 'dropped';
  readonly connection: ConnectionId;
  readonly event: JsonObject;
}

const user = { userId: 'usr_0007' };
const visitor = { anonymousId: '5f0d8a53-3a0c-4d4c-9f3e-0b7f6a0e7c11' };

/** Deeper than any limit worth having, and far from breaking a JSON parser. */
const levels = 100;

const brokenEvents: readonly BrokenEvent[] = [
  { reason: 'identity_missing', connection: 'web', event: { type: 'track', event: 'Clicked', properties: {} } },
  {
    reason: 'identity_missing',
    connection: 'web',
    event: { type: 'page', name: 'Home', userId: null, anonymousId: '' },
  },
  { reason: 'identity_missing', connection: 'mobile', event: { type: 'screen', name: 'Inbox' } },
  { reason: 'type_unsupported', connection: 'web', event: { type: 'purchase', ...user, properties: { value: 3 } } },
  { reason: 'type_unsupported', connection: 'server', event: { type: 'delete', ...user } },
  { reason: 'type_missing', connection: 'web', event: { event: 'Clicked', ...visitor } },
  { reason: 'type_missing', connection: 'mobile', event: { type: null, event: 'Tapped', ...visitor } },
  {
    reason: 'event_name_missing',
    connection: 'server',
    event: { type: 'track', ...user, properties: { plan: 'team' } },
  },
  { reason: 'event_name_missing', connection: 'web', event: { type: 'track', event: '  ', ...visitor } },
  {
    reason: 'field_type_invalid',
    connection: 'server',
    event: { type: 'track', event: 'Order Completed', ...user, properties: ['sku-1', 'sku-2'] },
  },
  { reason: 'field_type_invalid', connection: 'web', event: { type: 'identify', ...user, traits: 'plan=team' } },
  {
    reason: 'identity_placeholder',
    connection: 'web',
    event: { type: 'track', event: 'Clicked', userId: 'undefined' },
  },
  {
    reason: 'identity_placeholder',
    connection: 'server',
    event: { type: 'identify', userId: 'null', traits: { a: 1 } },
  },
  {
    reason: 'identity_too_long',
    connection: 'server',
    event: { type: 'track', event: 'Invoice Paid', userId: 'u'.repeat(300), properties: { amount: 9 } },
  },
  {
    reason: 'anonymous_traits_unsupported',
    outcome: 'dropped',
    connection: 'web',
    event: { type: 'identify', ...visitor, traits: { favourite_color: 'teal' } },
  },
  {
    reason: 'anonymous_traits_unsupported',
    outcome: 'dropped',
    connection: 'mobile',
    event: { type: 'identify', ...visitor, traits: { push_enabled: true } },
  },
  { reason: 'account_id_missing', connection: 'web', event: { type: 'group', ...user, traits: { name: 'Nowhere' } } },
  { reason: 'account_id_missing', connection: 'server', event: { type: 'group', ...user, groupId: '', traits: {} } },
  {
    reason: 'nested_too_deep',
    connection: 'mobile',
    event: { type: 'track', event: 'State Dumped', ...user, properties: { state: nested(levels) } },
  },
];

/** Events that must be refused, each by itself and with its reason, spread over the story. */
export function addBrokenEvents(random: Random, out: StoryEvent[]): void {
  const seen = new Map<string, number>();
  for (const { connection, event, reason, outcome = 'rejected' } of brokenEvents) {
    const number = (seen.get(reason) ?? 0) + 1;
    seen.set(reason, number);
    const at = storyStart + random.int(1, 20) * day + random.int(0, 1439) * minute;
    const messageId = `broken-${reason.replaceAll('_', '-')}-${number}`;
    out.push({
      connection,
      at,
      messageId,
      event: {
        ...event,
        messageId,
        timestamp: isoUtc(at),
        context: { library: { name: `home-made ${connection} tracker`, version: '0.1' } },
      },
      effect: { outcome, reason },
    });
  }
}

function nested(depth: number): JsonObject {
  return depth === 0 ? { leaf: true } : { child: nested(depth - 1) };
}
