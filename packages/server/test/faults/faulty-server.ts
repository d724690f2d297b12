import type { ActiveFault } from "../../src/domain/faults/fault.ts";
import { parseFault } from "../../src/domain/faults/fault-text.ts";
import { FaultRegistry } from "../../src/faults/fault-registry.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "../support/server.ts";

export interface FaultyServer extends TestServer, AsyncDisposable {
  readonly book: FaultRegistry;
  /** The events that were reported about rules, in order. */
  readonly told: readonly string[];
  /** As on the command line. */
  put(text: string): ActiveFault;
}

/** A test server with faults allowed, and none in force. */
export async function faultyServer(
  options: TestServerOptions & { readonly seed?: number } = {},
): Promise<FaultyServer> {
  const told: string[] = [];
  const tell = (what: string) => (fault: ActiveFault) => told.push(`${what} ${fault.mode}`);
  const book = new FaultRegistry(options.seed ?? 1, {
    put: tell("put"),
    removed: tell("removed"),
    fired: tell("fired"),
  });
  const server = await startTestServer({ ...options, faults: book });
  return {
    ...server,
    book,
    told,
    put: (text) => book.put(parseFault(text)),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
