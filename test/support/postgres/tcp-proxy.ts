import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A network between a process and a server on this machine. */
export interface TcpProxy {
  readonly port: number;
  /** From now on nothing gets through, and nobody is told: as when a cable is cut. */
  cut(): void;
  /** What comes from now on gets through; what was under way when it was cut is lost. */
  mend(): void;
  /** Ends every connection. */
  reset(): void;
  /** Connections that are open. */
  connections(): number;
  close(): Promise<void>;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isCut = false;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    // One whose connection was cut once does not hear from the other any more.
    let wasCut = isCut;
    const forward = (from: Socket, to: Socket): void => {
      from.on('data', (bytes) => {
        wasCut ||= isCut;
        if (!wasCut) to.write(bytes);
      });
      from
        .on('error', () => undefined)
        .on('close', () => {
          wasCut ||= isCut;
          if (!wasCut || from === client) end();
        });
    };
    forward(client, upstream);
    forward(upstream, client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reset = (): void => {
    for (const sockets of pairs) for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true;
    },
    mend: () => {
      isCut = false;
    },
    reset,
    connections: () => pairs.size,
    close: async () => {
      server.close();
      reset();
      await once(server, 'close');
    },
  };
}
