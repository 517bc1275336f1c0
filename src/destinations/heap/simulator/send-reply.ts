import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SimulatedReply } from './simulated-reply.js';

const dribbleSteps = 10;

/** Puts a reply on its socket, after its latency and in the way its ending wants. Leaves no timer behind the client. */
export function sendReply(request: IncomingMessage, response: ServerResponse, reply: SimulatedReply): void {
  if (reply.latencyMs <= 0) {
    send(request, response, reply);
    return;
  }
  const timer = setTimeout(() => {
    send(request, response, reply);
  }, reply.latencyMs);
  response.once('close', () => {
    clearTimeout(timer);
  });
}

function send(request: IncomingMessage, response: ServerResponse, { status, headers, body, ending }: SimulatedReply) {
  const bytes = Buffer.from(body);
  const head = { ...headers, 'content-length': String(bytes.length) };
  switch (ending.kind) {
    case 'hang':
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'whole':
      response.writeHead(status, head).end(bytes);
      return;
    case 'truncate':
      response.writeHead(status, head);
      response.flushHeaders();
      if (ending.bytes > 0) response.write(bytes.subarray(0, ending.bytes));
      // Destroys the socket once what was written has left, so that the client sees exactly so many bytes.
      request.socket.destroySoon();
      return;
    case 'dribble':
      response.writeHead(status, head);
      response.flushHeaders();
      dribble(response, bytes, ending.durationMs);
      return;
  }
}

/** Sends the bytes in at most ten pieces, the last one after `durationMs`. */
function dribble(response: ServerResponse, bytes: Buffer, durationMs: number): void {
  const pieces = Math.max(1, Math.min(dribbleSteps, bytes.length));
  const size = Math.ceil(bytes.length / pieces);
  let sent = 0;
  const timer = setInterval(() => {
    response.write(bytes.subarray(sent, sent + size));
    sent += size;
    if (sent < bytes.length) return;
    clearInterval(timer);
    response.end();
  }, durationMs / pieces);
  response.once('close', () => {
    clearInterval(timer);
  });
}
