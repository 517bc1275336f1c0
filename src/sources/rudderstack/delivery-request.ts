import { isJsonObject, type Json } from '../../core/json/json.js';
import { scriptText } from '../../core/json/script-text.js';

/**
 * A request that rudder-server is to send, as JSON text: the object that it calls the transformer's output. Its members
 * and their order are the peer's.
 *
 * @param body the body of the request as JSON text.
 * @param userId the event's anonymousId, as the peer has it; empty where the request is about several.
 * @param headers more headers, as JSON text of members with a comma in front.
 */
export function deliveryRequestText(url: string, body: string, userId: string, headers = ''): string {
  return `${requestHead(url, headers)}${body},"JSON_ARRAY":{},"XML":{},"FORM":{}},"files":{},"userId":${userIdText(userId)}}`;
}

/** The anonymousId as text, or nothing when it is falsy. */
export function userIdOf(message: Json | undefined): string {
  const id = isJsonObject(message) ? message.anonymousId : undefined;
  return id ? scriptText(id) : '';
}

function userIdText(userId: string): string {
  return userId === '' ? '""' : JSON.stringify(userId);
}

let lastUrl = '';
let lastPrefix = '';

/** A request up to its body. Nearly all requests of a process go to one or two URLs, so the last is remembered. */
export function requestHead(url: string, headers = ''): string {
  if (headers === '' && url === lastUrl) return lastPrefix;
  const prefix = `{"version":"1","type":"REST","method":"POST","endpoint":${JSON.stringify(url)},"headers":{"Accept":"application/json","Content-Type":"application/json"${headers}},"params":{},"body":{"JSON":`;
  if (headers === '') {
    lastUrl = url;
    lastPrefix = prefix;
  }
  return prefix;
}
