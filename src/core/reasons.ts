/**
 * The one registry of reasons. Nothing is refused, rejected, dropped or changed on its way to Heap without one of these
 * codes, which appear in answers, metrics and logs and are documented in docs/reasons.md (a test holds the two lists
 * equal). A code is never reused for something else.
 *
 * - `request`: the HTTP request as a whole could not be taken; nothing of it was.
 * - `rejected`: the event can't become what it asks for; somebody has to change the event or the configuration.
 * - `dropped`: the event is fine and there is nothing to deliver for it.
 * - `adjusted`: the event is delivered, with a change that its sender may want to know of.
 */
export type ReasonGroup = 'request' | 'rejected' | 'dropped' | 'adjusted';

interface ReasonEntry {
  readonly group: ReasonGroup;
  readonly summary: string;
}

export const reasons = {
  json_malformed: { group: 'request', summary: 'The body is not JSON.' },
  body_unreadable: { group: 'request', summary: 'The body broke off or its compression is damaged.' },
  body_too_large: { group: 'request', summary: 'The body is over the size limit, as sent or after decompression.' },
  encoding_unsupported: { group: 'request', summary: 'The Content-Encoding is none of gzip, deflate, br, identity.' },
  batch_too_long: { group: 'request', summary: 'The batch holds more events than one request may.' },
  batch_missing: { group: 'request', summary: 'The body is neither an event nor an object with a "batch" array.' },
  write_key_missing: { group: 'request', summary: 'The request carries no write key.' },
  write_key_unknown: { group: 'request', summary: 'No connection has this write key.' },
  webhook_unauthorized: {
    group: 'request',
    summary: 'The secret or the signature of the webhook is missing or wrong.',
  },
  route_unknown: { group: 'request', summary: 'There is nothing at this path and method.' },
  backlog_full: { group: 'request', summary: 'Too much is waiting for delivery; ask again later.' },
  delivery_pending: { group: 'request', summary: 'Heap has not confirmed every event yet; send the request again.' },
  store_unavailable: { group: 'request', summary: 'The store can not be reached; ask again later.' },
  shutting_down: { group: 'request', summary: 'The service is stopping; ask again later.' },

  event_not_object: { group: 'rejected', summary: 'The event is not a JSON object.' },
  event_too_large: { group: 'rejected', summary: 'The event is over the size limit for one event.' },
  nested_too_deep: { group: 'rejected', summary: 'The event is nested deeper than the limit.' },
  too_many_keys: { group: 'rejected', summary: 'The event has more keys than the limit.' },
  field_type_invalid: { group: 'rejected', summary: 'A field of the event has a type that the event spec excludes.' },
  type_missing: { group: 'rejected', summary: 'The event has no "type".' },
  type_unsupported: { group: 'rejected', summary: 'The mapping has no operation for this "type".' },
  event_name_missing: { group: 'rejected', summary: 'A track event has no event name.' },
  identity_missing: { group: 'rejected', summary: 'The event names neither a user nor an anonymous visitor.' },
  identity_placeholder: { group: 'rejected', summary: 'The only user id is a placeholder such as "undefined".' },
  identity_too_long: {
    group: 'rejected',
    summary: 'The user id is over 255 characters; cut, it could be somebody else.',
  },
  identity_invalid: { group: 'rejected', summary: 'The user id has NUL characters or broken surrogate pairs.' },
  account_id_missing: { group: 'rejected', summary: 'A group event has no usable groupId.' },
  account_id_too_long: { group: 'rejected', summary: 'The groupId is over 255 characters.' },
  account_id_invalid: { group: 'rejected', summary: 'The groupId has NUL characters or broken surrogate pairs.' },
  previous_id_missing: { group: 'rejected', summary: 'An alias event has no usable previousId or anonymousId.' },
  traits_missing: { group: 'rejected', summary: 'An identify event has no traits (rudderstack preset).' },
  properties_too_large: {
    group: 'rejected',
    summary: 'The flat keys of the properties would be far longer than the properties (rudderstack preset).',
  },
  required_field_missing: { group: 'rejected', summary: 'A field that the mapping requires is absent.' },
  destination_missing: { group: 'rejected', summary: 'The request does not say which destination the event is for.' },
  app_id_missing: { group: 'rejected', summary: 'The destination has no app_id: nothing can be sent to Heap for it.' },
  operation_too_large: { group: 'rejected', summary: 'One operation alone is over the byte limit of a request.' },
  connection_missing: {
    group: 'rejected',
    summary: 'The connection that took the event in is not configured any more, or leads to another app.',
  },
  attempts_exhausted: { group: 'rejected', summary: 'Delivery failed as often as the configuration allows.' },
  heap_rejected: { group: 'rejected', summary: 'Heap answered 400 to this operation alone.' },
  heap_too_large: { group: 'rejected', summary: 'Heap answered 413 to this operation alone.' },
  internal_error: { group: 'rejected', summary: 'The service failed on this event; the fault is logged.' },
  expired: { group: 'rejected', summary: 'Heap could not be reached for as long as the configured maximum age.' },

  nothing_to_send: { group: 'dropped', summary: 'The event holds nothing that Heap could store.' },
  anonymous_traits_unsupported: {
    group: 'dropped',
    summary: 'Traits of an anonymous visitor: Heap takes user properties of identified users only.',
  },

  value_truncated: { group: 'adjusted', summary: 'A property value was cut to the length that Heap takes.' },
  key_truncated: { group: 'adjusted', summary: 'A property key was cut to the length that Heap takes.' },
  event_name_truncated: { group: 'adjusted', summary: 'The event name was cut to 1,024 characters.' },
  surrogate_replaced: { group: 'adjusted', summary: 'Half a surrogate pair was replaced by U+FFFD.' },
  nul_removed: { group: 'adjusted', summary: 'NUL characters were removed.' },
  key_collision: { group: 'adjusted', summary: 'Two properties came to the same key; the last one was kept.' },
  duplicate_key: { group: 'adjusted', summary: 'The JSON text names a key twice; its last value was kept.' },
  blank_key_dropped: { group: 'adjusted', summary: 'A property with a blank key was left out.' },
  reserved_key_dropped: { group: 'adjusted', summary: 'A user property with a key that Heap reserves was left out.' },
  number_out_of_range: { group: 'adjusted', summary: 'A number beyond the double range was left out.' },
  number_imprecise: {
    group: 'adjusted',
    summary: 'An integer beyond 2^53 has lost digits; it is sent as it was read.',
  },
  value_too_deep: { group: 'adjusted', summary: 'A value nested deeper than the limit was left out.' },
  conversion_failed: { group: 'adjusted', summary: 'A value could not be converted as the mapping asks; left out.' },
  timestamp_invalid: { group: 'adjusted', summary: 'A timestamp could not be read; the next best time was used.' },
  placeholder_ignored: {
    group: 'adjusted',
    summary: 'The user id is a placeholder; the event went to the anonymous visitor.',
  },
  idempotency_key_missing: { group: 'adjusted', summary: 'No messageId: a repeat of this event would count twice.' },
  account_link_skipped: { group: 'adjusted', summary: 'A group event without a user: only the account was written.' },
} as const satisfies Record<string, ReasonEntry>;

export type Reason = keyof typeof reasons;

type CodesOf<G extends ReasonGroup> = { [R in Reason]: (typeof reasons)[R]['group'] extends G ? R : never }[Reason];

export type RequestReason = CodesOf<'request'>;
export type RejectionReason = CodesOf<'rejected'>;
export type DropReason = CodesOf<'dropped'>;
export type AdjustmentReason = CodesOf<'adjusted'>;
