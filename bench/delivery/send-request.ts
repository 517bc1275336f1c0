import type { HttpSender } from '../../src/core/delivery/http-sender.js';
import type { SendOutcome } from '../../src/core/delivery/reply.js';
import { classifyHeapReply } from '../../src/destinations/heap/classify-reply.js';

/** One request, in the way of the service. */
export async function sendRequest(
  http: HttpSender,
  baseUrl: string,
  { path, body }: { readonly path: string; readonly body: string },
  signal: AbortSignal,
): Promise<SendOutcome> {
  const reply = await http.send({ url: `${baseUrl}${path}`, body }, signal);
  return classifyHeapReply(reply, Date.now());
}
