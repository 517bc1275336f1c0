import type { ByteWriter } from '../../../core/json/byte-writer.js';
import type { ByteFlattener } from './byte-flattener.js';
import type { ScannedEvent } from './scanned-event.js';

/** What an event of a plain kind becomes, in places of its request's bytes: 0 is "absent". */
export interface DirectEvent {
  readonly kind: 'track' | 'addUserProperties';
  readonly identityStart: number;
  readonly identityEnd: number;
  readonly propertiesStart: number;
  readonly propertiesEnd: number;
  /** False: they are to be flattened first. */
  readonly arePropertiesFlat: boolean;
  readonly timestampStart: number;
  readonly timestampEnd: number;
}

/**
 * A short cut of the rudderstack preset for events that it would only copy: a track or an identify whose user is a text. The preset's mapping is what is right: for everything that is not surely as plain
 * as that the answer is `undefined`, and the event goes through the mapping. That both come to the same is held by a test
 * over generated requests.
 */
export function readDirect(body: Buffer, event: ScannedEvent): DirectEvent | undefined {
  if (!hasOrdinaryChannel(body, event) || !isPlain(body, event.anonymousIdStart, event.anonymousIdEnd))
    return undefined;
  if (equals(body, event.typeStart, event.typeEnd, trackText)) return readTrack(body, event);
  if (equals(body, event.typeStart, event.typeEnd, identifyText)) return readIdentify(body, event);
  return undefined;
}

function readTrack(body: Buffer, event: ScannedEvent): DirectEvent | undefined {
  if (!isFilledText(body, event.nameStart, event.nameEnd)) return undefined;
  if (event.propertiesStart > 0 && body[event.propertiesStart] !== openBrace) return undefined;
  return withIdentity(body, event, 'track', event.propertiesStart, event.propertiesEnd, event.arePropertiesFlat);
}

function readIdentify(body: Buffer, event: ScannedEvent): DirectEvent | undefined {
  // Traits at the root come first, and are left to the mapping: SDKs of browsers and phones send them in the context.
  const { contextTraitsStart, contextTraitsEnd, areContextTraitsFlat } = event;
  if (event.traitsStart > 0 || contextTraitsStart === 0 || body[contextTraitsStart] !== openBrace) return undefined;
  return withIdentity(body, event, 'addUserProperties', contextTraitsStart, contextTraitsEnd, areContextTraitsFlat);
}

/** The userId, or the anonymousId where no other place of the chain could have one. */
function withIdentity(
  body: Buffer,
  event: ScannedEvent,
  kind: DirectEvent['kind'],
  propertiesStart: number,
  propertiesEnd: number,
  arePropertiesFlat: boolean,
): DirectEvent | undefined {
  const isUser = isFilledText(body, event.userIdStart, event.userIdEnd);
  const identityStart = isUser ? event.userIdStart : event.anonymousIdStart;
  const identityEnd = isUser ? event.userIdEnd : event.anonymousIdEnd;
  if (!isUser && !isVisitor(body, event)) return undefined;
  const isTimed = event.timestampStart > 0;
  const timestampStart = isTimed ? event.timestampStart : event.originalTimestampStart;
  const timestampEnd = isTimed ? event.timestampEnd : event.originalTimestampEnd;
  if (kind === 'track' && timestampStart > 0 && body[timestampStart] !== quote) return undefined;
  return {
    kind,
    identityStart,
    identityEnd,
    propertiesStart,
    propertiesEnd,
    arePropertiesFlat,
    timestampStart,
    timestampEnd,
  };
}

function isVisitor(body: Buffer, event: ScannedEvent): boolean {
  const { userIdStart, userIdEnd } = event;
  const hasNoUserId =
    userIdStart === 0 ||
    equals(body, userIdStart, userIdEnd, emptyText) ||
    equals(body, userIdStart, userIdEnd, nullText);
  const hasNoTraitsId =
    event.traitsStart === 0 &&
    (event.contextStart === 0 || body[event.contextStart] === openBrace) &&
    (event.contextTraitsStart === 0 || !event.hasContextTraitsId);
  return hasNoUserId && hasNoTraitsId && isFilledText(body, event.anonymousIdStart, event.anonymousIdEnd);
}

/** Not from a warehouse, whose events have other times. */
function hasOrdinaryChannel(body: Buffer, { channelStart, channelEnd }: ScannedEvent): boolean {
  return channelStart === 0 || ordinaryChannels.some((channel) => equals(body, channelStart, channelEnd, channel));
}

/** Absent, or a JSON string. */
function isPlain(body: Buffer, start: number, end: number): boolean {
  return start === 0 || (body[start] === quote && end > start);
}

function isFilledText(body: Buffer, start: number, end: number): boolean {
  return start > 0 && body[start] === quote && end - start > 2;
}

function equals(body: Buffer, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index += 1) if (body[start + index] !== text[index]) return false;
  return true;
}

/** The texts around the parts of an answer's entry, for one destination. */
export interface DirectTexts {
  readonly trackHead: Buffer;
  readonly userHead: Buffer;
}

/** Writes the entry of an event. False where its properties can't be flattened by copying; nothing is written then. */
export function writeDirect(
  writer: ByteWriter,
  body: Buffer,
  event: ScannedEvent,
  direct: DirectEvent,
  { trackHead, userHead }: DirectTexts,
  flattener: ByteFlattener,
): boolean {
  const start = writer.length;
  if (direct.kind === 'track') {
    writer.bytes(trackHead);
    writer.copy(body, event.nameStart, event.nameEnd);
    writer.bytes(propertiesKey);
  } else {
    writer.bytes(userHead);
  }
  if (direct.propertiesStart === 0) {
    writer.bytes(emptyObjectText);
  } else if (direct.arePropertiesFlat) {
    writer.copy(body, direct.propertiesStart, direct.propertiesEnd);
  } else if (!flattener.write(direct.propertiesStart, writer)) {
    writer.takeBack(start);
    return false;
  }
  writer.bytes(identityKey);
  writer.copy(body, direct.identityStart, direct.identityEnd);
  if (direct.kind === 'track' && direct.timestampStart > 0) {
    writer.bytes(timestampKey);
    writer.copy(body, direct.timestampStart, direct.timestampEnd);
  }
  writer.bytes(behindItem);
  if (event.anonymousIdStart > 0) writer.copy(body, event.anonymousIdStart, event.anonymousIdEnd);
  else writer.bytes(emptyText);
  writer.bytes(behindRequest);
  writer.copy(body, event.metadataStart, event.metadataEnd);
  writer.bytes(behindMetadata);
  return true;
}

const quote = 0x22;
const openBrace = 0x7b;
const trackText = Buffer.from('"track"');
const identifyText = Buffer.from('"identify"');
const emptyText = Buffer.from('""');
const nullText = Buffer.from('null');
const ordinaryChannels = ['"web"', '"mobile"', '"server"', '""'].map((text) => Buffer.from(text));
const propertiesKey = Buffer.from(',"properties":');
const identityKey = Buffer.from(',"identity":');
const timestampKey = Buffer.from(',"timestamp":');
const emptyObjectText = Buffer.from('{}');
const behindItem = Buffer.from('},"JSON_ARRAY":{},"XML":{},"FORM":{}},"files":{},"userId":');
const behindRequest = Buffer.from('},"metadata":');
const behindMetadata = Buffer.from(',"statusCode":200}');
