import { createServer } from 'node:http';

interface Batch {
  readonly batch: readonly { readonly messageId: string }[];
}

/** What a door that calls JSON.parse and JSON.stringify can't do without. */
export function startBareServer(port: number): void {
  createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { batch } = JSON.parse(Buffer.concat(chunks).toString()) as Batch;
      const results = batch.map(({ messageId }, index) => ({ index, messageId, outcome: 'accepted' }));
      const text = JSON.stringify({ success: true, received: batch.length, accepted: batch.length, results });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    });
  }).listen(port, '127.0.0.1');
}
