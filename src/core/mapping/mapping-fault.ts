import type { DropReason, RejectionReason } from '../reasons.js';

/** Why an event, or one of its operations, can't be made. A value, not an exception. */
export class MappingFault {
  constructor(
    readonly reason: RejectionReason | DropReason,
    readonly detail = '',
  ) {}
}
