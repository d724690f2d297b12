import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A fault of a COMMIT: it is cut off before the server has it, or its response is. */
export type CommitFault = "request lost" | "answer lost";

export interface CommitProxy extends AsyncDisposable {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** Faults that have happened. */
  readonly count: number;
}

const commit = Buffer.from("commit\0");
/** Enough for the server to commit. */
const answerMilliseconds = 50;

/** Stands between a store and its database. @param next chooses what happens to the next COMMIT of a transaction; null is nothing. */
export async function startCommitProxy(databaseUrl: string, next: () => CommitFault | null): Promise<CommitProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((client) => {
    const database = connect(Number(target.port), target.hostname);
    const end = () => {
      client.destroy();
      database.destroy();
    };
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (bytes: Buffer) => {
      const fault = bytes.includes(commit) ? next() : null;
      if (fault === null) {
        database.write(bytes);
        return;
      }
      count += 1;
      database.unpipe(client);
      database.on("data", () => undefined);
      if (fault === "answer lost") {
        database.write(bytes);
      }
      setTimeout(end, fault === "answer lost" ? answerMilliseconds : 0);
    });
    database.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
  };
}
