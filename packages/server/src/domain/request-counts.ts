import { operations, type RequestCount } from "@moraine/protocol";

interface Count {
  requests: number;
  readonly responses: Map<number, number>;
}

/** Counts the requests of the vault API, for tests of clients to assert on: exact at any moment. */
export class RequestCounts {
  readonly #counts = new Map<string, Count>();

  /** Counts a request as soon as its operation is known. Anything but an operation of the vault API is passed over. */
  received(operation: string): void {
    if (Object.hasOwn(operations, operation)) {
      this.#of(operation).requests += 1;
    }
  }

  /** Counts a response before its first byte is sent: a client that has it finds it counted. */
  responded(operation: string, status: number): void {
    if (Object.hasOwn(operations, operation)) {
      const { responses } = this.#of(operation);
      responses.set(status, (responses.get(status) ?? 0) + 1);
    }
  }

  /** In order of their names. */
  list(): readonly RequestCount[] {
    return [...this.#counts].sort(byName).map(([Operation, { requests, responses }]) => ({
      Operation,
      Requests: requests,
      Responses: Object.fromEntries(responses),
    }));
  }

  clear(): void {
    this.#counts.clear();
  }

  #of(operation: string): Count {
    let count = this.#counts.get(operation);
    if (count === undefined) {
      count = { requests: 0, responses: new Map() };
      this.#counts.set(operation, count);
    }
    return count;
  }
}

const byName = ([one]: [string, Count], [other]: [string, Count]): number => (one < other ? -1 : 1);
