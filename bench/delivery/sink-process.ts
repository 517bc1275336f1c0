/**
 * Stands for Heap: reads a request's body, notes the number of each event in it, and answers so long after its last byte.
 * Usage: node sink-process.js <latency in ms>
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { answerParent } from './answer-parent.js';
import type { Batch, Tally } from './plan.js';
import { numberDigits, numberMarker } from './sample-operations.js';

const latencyMs = Number(process.argv[2]);
const marker = Buffer.from(numberMarker);
const answer = '{}';

let first = 0;
let seen = new Uint8Array(0);
let requests = 0;
let events = 0;
let surplus = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    note(Buffer.concat(chunks));
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
      response.end(answer);
    }, latencyMs);
  });
});
// A connection that is closed between two rounds would cost the next one a retry.
server.keepAliveTimeout = 0;
const listening = once(server.listen(0, '127.0.0.1'), 'listening');

answerParent(async (batch: Partial<Batch>): Promise<Tally> => {
  await listening;
  if (batch.first !== undefined) expect(batch.first, batch.events ?? 0);
  const missing = seen.length - (events - surplus);
  return { port: (server.address() as AddressInfo).port, requests, events, missing, surplus };
});

function expect(number: number, count: number): void {
  first = number;
  seen = new Uint8Array(count);
  requests = 0;
  events = 0;
  surplus = 0;
}

function note(body: Buffer): void {
  requests += 1;
  for (let at = body.indexOf(marker); at >= 0; at = body.indexOf(marker, at)) {
    at += marker.length;
    let number = 0;
    for (let digit = 0; digit < numberDigits; digit += 1) number = number * 10 + (body[at + digit] ?? 0) - 48;
    events += 1;
    const index = number - first;
    if (seen[index] === 0) seen[index] = 1;
    else surplus += 1;
  }
}
