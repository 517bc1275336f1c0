/** Stands for Heap where nothing is counted: answers 200 as soon as a body is there. Usage: node heap-process.js <port> */
import { once } from 'node:events';
import { createServer } from 'node:http';

import { answerParent } from '../delivery/answer-parent.js';

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 });
    response.end('{}');
  });
});
const listening = once(server.listen(Number(process.argv[2]), '127.0.0.1'), 'listening');

answerParent(async (): Promise<object> => {
  await listening;
  return {};
});
