import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Connections } from "./connections.ts";

const hangUpMilliseconds = 50;

/** Resolves to the URL where the server listens. Rejects when the port is taken. */
export function listen(
  server: Server,
  { host, port, isTls }: { readonly host: string; readonly port: number; readonly isTls: boolean },
): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const { port: actual } = server.address() as AddressInfo;
      resolve(`${isTls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${actual}`);
    });
  });
}

interface Closable {
  readonly server: Server;
  /** Those that Node does not know of, as they have not come to a request, or not even through TLS. */
  readonly connections?: Pick<Connections, "closeUnused" | "closeAll">;
}

/** Lets running requests finish, and cuts off those that remain after the grace. A second call does nothing. */
export async function closeListener({ server, connections }: Closable, graceMilliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Clients keep a connection for their next request: one whose response has ended meanwhile holds nothing up.
  const hangUp = setInterval(() => server.closeIdleConnections(), hangUpMilliseconds);
  const cut = setTimeout(() => {
    server.closeAllConnections();
    connections?.closeAll();
  }, graceMilliseconds);
  connections?.closeUnused();
  await closed;
  clearInterval(hangUp);
  clearTimeout(cut);
}
