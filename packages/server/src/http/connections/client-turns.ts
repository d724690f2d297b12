/** Half as many would slow down a client that makes many changes at once by a third, for fewer share a sync; twice as many, its neighbours. */
const turnsPerClient = 16;

/** The place of one request among those of its client. */
export interface Turn {
  /** Resolves when the request may be worked on. */
  take(): Promise<void>;
  /** Lets the next request of the client begin. Does nothing without a turn. */
  release(): void;
}

interface Client {
  taken: number;
  readonly waiting: Array<() => void>;
}

/**
 * Bounds how many requests of one client are worked on at once: a request of another client then waits for these at most, whatever
 * the first one's number of connections. A request that waits for its client's bytes has no turn, so that slow lines take none.
 */
export class ClientTurns {
  readonly #clients = new Map<string, Client>();
  #waiting = 0;

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @param name the network that counts as one client */
  of(name: string): Turn {
    let isTaken = false;
    return {
      take: async () => {
        await this.#take(name);
        isTaken = true;
      },
      release: () => {
        if (isTaken) {
          isTaken = false;
          this.#release(name);
        }
      },
    };
  }

  async #take(name: string): Promise<void> {
    const client = this.#clients.get(name) ?? { taken: 0, waiting: [] };
    this.#clients.set(name, client);
    if (client.taken < turnsPerClient) {
      client.taken += 1;
      return;
    }
    this.#waiting += 1;
    const { promise, resolve } = Promise.withResolvers<void>();
    client.waiting.push(resolve);
    await promise;
    this.#waiting -= 1;
  }

  #release(name: string): void {
    const client = this.#clients.get(name);
    const next = client?.waiting.shift();
    if (client === undefined || next !== undefined) {
      next?.();
      return;
    }
    client.taken -= 1;
    if (client.taken === 0) {
      this.#clients.delete(name);
    }
  }
}
