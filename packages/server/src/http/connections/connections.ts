import type { Socket } from "node:net";
import { clientNetwork } from "../../domain/client-network.ts";
import type { Network } from "../../domain/policy/conditions/addresses.ts";
import { isWithin, originOfSocket } from "./client-origin.ts";
import type { HttpLimits } from "./limits.ts";

interface Connection {
  /** The address and port at its other end, which are the same for a socket and for the TLS on top of it. */
  readonly peer: string;
  readonly network: string;
  socket: Socket;
  /** False for a trusted proxy, which speaks for many clients. */
  readonly isCounted: boolean;
  hasBeenUsed: boolean;
}

const refusalMilliseconds = 10_000;

/** Connections without a place that are kept for a moment, so that their clients learn why: in all, and of one client. */
const turnedAwayMax = 32;
const turnedAwayPerAddressMax = 8;

/** Connections by what they do now, and how many were refused so far. */
export interface ConnectionCounts {
  readonly idle: number;
  readonly busy: number;
  readonly refused: number;
}

type ConnectionLimits = Pick<HttpLimits, "connectionsMax" | "connectionsPerAddressMax" | "turnedAwaySeconds">;

/**
 * Admits connections. Where there are too many, of all or of one client, the one that has been without a request for the longest
 * time makes room; a newcomer is refused only when all others are busy.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #trustedProxies: readonly Network[];
  readonly #open = new Map<string, Connection>();
  readonly #ofSocket = new WeakMap<Socket, Connection>();
  /** Those without a request in progress; the one that has been so for the longest time comes first. */
  readonly #idle = new Set<Connection>();
  readonly #counts = new Map<string, number>();
  /** Connections without a place, by peer. Their requests are refused. */
  readonly #turnedAway = new Map<string, Pick<Connection, "network" | "socket">>();
  #refusedCount = 0;
  /** Networks that get no new connection for now. */
  readonly #refused = new Set<string>();

  constructor(limits: ConnectionLimits, trustedProxies: readonly Network[]) {
    this.#limits = limits;
    this.#trustedProxies = trustedProxies;
  }

  get counts(): ConnectionCounts {
    return { idle: this.#idle.size, busy: this.#open.size - this.#idle.size, refused: this.#refusedCount };
  }

  /** Takes a new connection, or closes it. */
  admit(socket: Socket): void {
    const { address } = originOfSocket(socket);
    const isCounted = !isWithin(this.#trustedProxies, address);
    const connection = { socket, peer: peerOf(socket), network: clientNetwork(address), isCounted, hasBeenUsed: false };
    if (address === "") {
      return; // The client has gone already: its end is about to be noticed.
    }
    if (!this.#hasRoomFor(connection)) {
      this.#refusedCount += 1;
      this.#turnAway(connection);
      return;
    }
    this.#open.set(connection.peer, connection);
    this.#idle.add(connection);
    this.#counts.set(connection.network, this.#countOf(connection.network) + 1);
    this.#follow(connection, socket);
  }

  /** Whether the request of this socket is to be refused, since there was no place for its connection. */
  isTurnedAway(socket: Socket): boolean {
    return this.#turnedAway.has(peerOf(socket));
  }

  /** TLS has been agreed on: requests name this socket and not the one below it. */
  secured(socket: Socket): void {
    const connection = this.#open.get(peerOf(socket));
    if (connection !== undefined) {
      connection.socket = socket;
      this.#follow(connection, socket);
    }
  }

  /** The first of some requests on the socket has started. */
  busy(socket: Socket): void {
    const connection = this.#ofSocket.get(socket);
    if (connection !== undefined) {
      connection.hasBeenUsed = true;
      this.#idle.delete(connection);
    }
  }

  /** The last request on the socket has ended. */
  idle(socket: Socket): void {
    const connection = this.#ofSocket.get(socket);
    if (connection !== undefined && this.#open.get(connection.peer) === connection) {
      this.#idle.add(connection);
    }
  }

  /** Closes those on which no request has arrived, not even TLS perhaps: Node itself closes only those that are between two requests. */
  closeUnused(): void {
    for (const { hasBeenUsed, socket } of this.#open.values()) {
      if (!hasBeenUsed) {
        socket.destroy();
      }
    }
    this.#closeTurnedAway();
  }

  closeAll(): void {
    this.#closeTurnedAway();
    for (const { socket } of this.#open.values()) {
      socket.destroy();
    }
  }

  /**
   * The client has sent so much ahead that reading it has cost as much as thousands of requests. What its other connections may
   * hold is not read, and for a while it gets no new ones: else it could do that with each of them at once.
   */
  punish(socket: Socket): void {
    const connection = this.#ofSocket.get(socket);
    if (connection?.isCounted !== true) {
      return;
    }
    const { network } = connection;
    for (const idle of [...this.#idle].filter((other) => other.network === network)) {
      this.#close(idle);
    }
    this.#refused.add(network);
    setTimeout(() => this.#refused.delete(network), refusalMilliseconds).unref();
  }

  #follow(connection: Connection, socket: Socket): void {
    this.#ofSocket.set(socket, connection);
    socket.once("close", () => this.#forget(connection));
  }

  /** Closes the connection, after its request has been refused if possible: a client that learns the reason waits before it tries again. */
  #turnAway({ socket, peer, network }: Connection): void {
    const ofNetwork = [...this.#turnedAway.values()].filter((other) => other.network === network).length;
    const hasRoom = this.#turnedAway.size < turnedAwayMax && ofNetwork < turnedAwayPerAddressMax;
    if (!hasRoom || this.#refused.has(network)) {
      socket.destroy();
      return;
    }
    this.#turnedAway.set(peer, { network, socket });
    const timer = setTimeout(() => socket.destroy(), this.#limits.turnedAwaySeconds * 1000).unref();
    socket.once("close", () => {
      clearTimeout(timer);
      this.#turnedAway.delete(peer);
    });
  }

  #closeTurnedAway(): void {
    for (const { socket } of this.#turnedAway.values()) {
      socket.destroy();
    }
  }

  #hasRoomFor({ network, isCounted }: Connection): boolean {
    if (isCounted && this.#refused.has(network)) {
      return false;
    }
    const { connectionsMax, connectionsPerAddressMax } = this.#limits;
    if (isCounted && this.#countOf(network) >= connectionsPerAddressMax && !this.#closeIdle(network)) {
      return false;
    }
    return this.#open.size < connectionsMax || this.#closeIdle(null);
  }

  /** @param network null for any. */
  #closeIdle(network: string | null): boolean {
    for (const connection of this.#idle) {
      if (network === null || connection.network === network) {
        this.#close(connection);
        return true;
      }
    }
    return false;
  }

  #close(connection: Connection): void {
    this.#forget(connection);
    connection.socket.destroy();
  }

  #countOf(network: string): number {
    return this.#counts.get(network) ?? 0;
  }

  #forget(connection: Connection): void {
    if (this.#open.get(connection.peer) !== connection) {
      return;
    }
    this.#open.delete(connection.peer);
    this.#idle.delete(connection);
    const count = this.#countOf(connection.network) - 1;
    if (count > 0) {
      this.#counts.set(connection.network, count);
    } else {
      this.#counts.delete(connection.network);
    }
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
