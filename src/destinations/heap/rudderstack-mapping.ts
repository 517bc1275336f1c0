import type { Mapping, MappingRule, OperationMapping } from '../../core/mapping/mapping.js';
import type { AnonymousPolicy } from './connection.js';

/** How nested properties become flat ones: the peer's way, or one of the heap preset's. */
export const nestedModes = ['flattenJson', 'dot', 'bracket', 'stringify', 'drop'] as const;

export type NestedMode = (typeof nestedModes)[number];

/** What a destination may ask for beyond parity. */
export interface PeerOptions {
  readonly anonymousIdentity: AnonymousPolicy;
  readonly nestedMode: NestedMode;
  readonly idempotency: 'property' | 'messageId';
}

const userIdPaths = ['userId', 'traits.userId', 'traits.id', 'context.traits.userId', 'context.traits.id'];

const identityRule: MappingRule = { destKey: 'identity', sourceKeys: userIdPaths, paths: 'rich', pick: 'truthy' };

/** What an option changes in the rudderstack preset; `undefined` for parity. */
export function rudderStackMapping(options: PeerOptions): Mapping | undefined {
  const track = [
    ...(options.nestedMode === 'flattenJson' ? [] : [trackProperties(options.nestedMode)]),
    ...(options.anonymousIdentity === 'identity' ? [] : visitorRules),
    ...(options.idempotency === 'property' ? [] : [messageIdRule]),
  ];
  if (track.length === 0) return undefined;
  return {
    extends: 'rudderstack',
    events: { track: [{ operation: 'track', extend: true, fields: track }], identify: identifyOperations(options) },
  };
}

function identifyOperations({ anonymousIdentity, nestedMode }: PeerOptions): readonly OperationMapping[] {
  const operation = 'addUserProperties';
  const properties = userProperties(nestedMode);
  switch (anonymousIdentity) {
    case 'identity':
      return [{ operation, extend: true, fields: [properties] }];
    case 'reject':
      return [{ operation, fields: [properties, { ...identityRule, required: 'truthy', reason: 'identity_missing' }] }];
    case 'hash':
    case 'heapUserId':
      return [mergeOperation, { operation, fields: [properties, anybodyRule, knownUserRule] }];
  }
}

const visitorRules: readonly MappingRule[] = [
  identityRule,
  {
    destKey: 'user_id',
    derived: 'anonymousUserId',
    unless: 'identity',
    required: true,
    reason: 'identity_missing',
  },
];

/** Without any id at all the event is faulty; the next rule then says for whom there is nothing to do. */
const anybodyRule: MappingRule = {
  ...identityRule,
  sourceKeys: [...userIdPaths, 'anonymousId'],
  required: 'truthy',
  reason: 'identity_missing',
};

/** Heap takes user properties of identified users only: traits of a visitor are nothing that could be stored. */
const knownUserRule: MappingRule = { ...identityRule, required: 'truthy', reason: 'anonymous_traits_unsupported' };

/** Says at identify time who the visitor was, without which their earlier events would stay a stranger's. */
const mergeOperation = {
  operation: 'identify',
  ifMissing: 'skip',
  fields: [
    { destKey: 'user_id', derived: 'anonymousUserId', required: true },
    { ...identityRule, required: 'truthy', reason: 'anonymous_traits_unsupported' },
    { destKey: 'timestamp', sourceKeys: ['timestamp', 'originalTimestamp'], paths: 'rich' },
  ],
} as const;

const messageIdRule: MappingRule = {
  destKey: 'idempotency_key',
  sourceKeys: ['properties.idempotencyKey', 'messageId'],
  pick: 'truthy',
};

type HeapNestedMode = Exclude<NestedMode, 'flattenJson'>;

function trackProperties(objects: HeapNestedMode): MappingRule {
  return {
    destKey: 'properties',
    sourceKeys: 'properties',
    metadata: { type: [{ flatten: { objects } }, { exclude: ['idempotencyKey'] }], default: {} },
  };
}

function userProperties(mode: NestedMode): MappingRule {
  return {
    destKey: 'properties',
    sourceKeys: ['traits', 'context.traits'],
    required: 'truthy',
    reason: 'traits_missing',
    metadata: {
      type: [mode === 'flattenJson' ? mode : { flatten: { objects: mode } }, { exclude: ['idempotencyKey'] }],
      ...(mode === 'flattenJson' ? {} : { default: {} }),
    },
  };
}
