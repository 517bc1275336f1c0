import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const headEnd = Buffer.from('\r\n\r\n');

/**
 * One kept-alive connection that sends a request at a time. Node's own client would take as much CPU as what is measured;
 * this one looks at the status and the length of an answer and at nothing else.
 */
export class DoorConnection {
  #received: Buffer[] = [];
  #length = 0;
  /** Bytes of the answer that is awaited, once its head is there. */
  #expected: number | undefined;
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.#onData(bytes);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#settle?.reject(new Error('the server closed the connection')));
  }

  static async open(port: number): Promise<DoorConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new DoorConnection(socket);
  }

  /** Resolves when the answer is there as a whole. Rejects where its status is not 200. */
  send(head: Buffer, body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.socket.cork();
      this.socket.write(head);
      this.socket.write(body);
      this.socket.uncork();
    });
  }

  close(): void {
    this.#settle = undefined;
    this.socket.destroy();
  }

  #onData(bytes: Buffer): void {
    this.#received.push(bytes);
    this.#length += bytes.length;
    if (this.#expected === undefined) {
      const all = Buffer.concat(this.#received);
      this.#received = [all];
      const end = all.indexOf(headEnd);
      if (end < 0) return;
      const [, length = '0'] = /^content-length: (\d+)/im.exec(all.toString('latin1', 0, end)) ?? [];
      this.#expected = end + headEnd.length + Number(length);
    }
    if (this.#length < this.#expected) return;
    const [first = Buffer.alloc(0)] = this.#received;
    const isTaken = first.toString('latin1', 0, 12) === 'HTTP/1.1 200';
    const fault = isTaken ? undefined : new Error(Buffer.concat(this.#received).toString('latin1', 0, 500));
    this.#received = [];
    this.#length = 0;
    this.#expected = undefined;
    if (fault === undefined) this.#settle?.resolve();
    else this.#settle?.reject(fault);
  }
}
