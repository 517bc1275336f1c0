/**
 * Where the parts of one event are in the bytes of its request: each from its first byte to the one behind its last, both
 * 0 where it is absent. Of equal keys the last counts, as for JSON.parse. Plain numbers, because there are thousands of
 * them a second.
 */
export class ScannedEvent {
  messageStart = 0;
  messageEnd = 0;
  metadataStart = 0;
  metadataEnd = 0;
  destinationStart = 0;
  destinationEnd = 0;
  /** `metadata.destinationId` and `metadata.workspaceId`, quotes included: strings without escapes. */
  destinationIdStart = 0;
  destinationIdEnd = 0;
  workspaceIdStart = 0;
  workspaceIdEnd = 0;
  typeStart = 0;
  typeEnd = 0;
  nameStart = 0;
  nameEnd = 0;
  userIdStart = 0;
  userIdEnd = 0;
  anonymousIdStart = 0;
  anonymousIdEnd = 0;
  timestampStart = 0;
  timestampEnd = 0;
  originalTimestampStart = 0;
  originalTimestampEnd = 0;
  channelStart = 0;
  channelEnd = 0;
  propertiesStart = 0;
  propertiesEnd = 0;
  /** See {@link RequestScanner}: the object is what flattening makes of it. */
  arePropertiesFlat = false;
  traitsStart = 0;
  traitsEnd = 0;
  contextStart = 0;
  contextEnd = 0;
  contextTraitsStart = 0;
  contextTraitsEnd = 0;
  areContextTraitsFlat = false;
  /** `context.traits` has a member `id` or `userId`. */
  hasContextTraitsId = false;
  integrationsStart = 0;
  integrationsEnd = 0;
}
