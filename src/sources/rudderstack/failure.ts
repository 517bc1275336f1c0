import { reasons, type DropReason, type RejectionReason } from '../../core/reasons.js';

/** Which of the transforms an event failed in, as dashboards name them. */
export type Feature = 'processor' | 'router';

/** What statTags and metrics say of where an event belongs; from its metadata, each only where it is text. */
export interface EventIds {
  readonly destinationId?: string | undefined;
  readonly workspaceId?: string | undefined;
}

/** The kinds of failure, in the words of rudder-server's `integration.failure_detailed`. */
export interface FailureTags {
  readonly errorCategory: string;
  readonly errorType?: string;
}

/**
 * The peer's texts for the faults that it knows, and the step of its workflow that they come from. Operators search for
 * these texts and have alerts on them.
 */
const peerFaults: Readonly<Partial<Record<RejectionReason, { readonly message?: string; readonly step: string }>>> = {
  event_not_object: { message: 'message Type is not present. Aborting message.', step: 'validateInput' },
  type_missing: { message: 'message Type is not present. Aborting message.', step: 'validateInput' },
  type_unsupported: { step: 'validateInput' },
  traits_missing: { message: 'traits are required', step: 'identifyPayload' },
  event_name_missing: { message: 'event is required', step: 'trackPayload' },
  identity_missing: { message: 'userId is required', step: 'validateuserId' },
};

/** The `error` of an event that was rejected. */
export function errorText(reason: RejectionReason, detail: string): string {
  const fault = peerFaults[reason];
  const message = fault?.message ?? (detail === '' ? reasons[reason].summary : detail);
  if (fault === undefined) return `${message} (${reason})`;
  return `${message}: Workflow: procWorkflow, Step: ${fault.step}, ChildStep: undefined, OriginalError: ${message}`;
}

/** The `error` of an event that is filtered out, with status 298. */
export function filteredText(reason: DropReason): string {
  return `${reasons[reason].summary} (${reason})`;
}

const configurationReasons: readonly RejectionReason[] = ['destination_missing', 'app_id_missing'];

export function tagsOf(reason: RejectionReason): FailureTags {
  if (reason === 'internal_error') return { errorCategory: 'transformation' };
  return {
    errorCategory: 'dataValidation',
    errorType: configurationReasons.includes(reason) ? 'configuration' : 'instrumentation',
  };
}

/** 400, except for a fault of ours: rudder-server aborts the event either way, and reports which it was. */
export function statusOf(reason: RejectionReason): number {
  return reason === 'internal_error' ? 500 : 400;
}

/** The `statTags` of a failed event as JSON text. */
export function statTagsText(tags: FailureTags, feature: Feature, destType: string, ids: EventIds): string {
  if (tags.errorType === undefined) return JSON.stringify(tags);
  return JSON.stringify({
    ...tags,
    implementation: 'cdkV2',
    destType: destType.toUpperCase(),
    module: 'destination',
    feature,
    ...ids,
  });
}
