import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { contains, type Network, readNetwork } from "../../domain/policy/conditions/addresses.ts";

/** Where a request comes from, for conditions of policies and for limits. */
export interface Origin {
  readonly address: string;
  /** Whether it came over TLS. */
  readonly secure: boolean;
}

/** The other end of a connection. A listener on `::` sees an IPv4 address in its mapped form, which no policy would name. */
export function originOfSocket(socket: Socket): Origin {
  const address = (socket.remoteAddress ?? "").replace(/^::ffff:(?=[0-9.]+$)/i, "");
  return { address, secure: socket instanceof TLSSocket };
}

/**
 * The client that a trusted proxy speaks for. Each proxy appends the address that it sees to `X-Forwarded-For`, so the last
 * one that is no trusted proxy is the client: whatever stands before it may be the client's own invention. From any other
 * peer the headers mean nothing. Everything that `X-Forwarded-Proto` says must be `https` to count as TLS.
 */
export function originOf(
  socket: Socket,
  headers: ReadonlyArray<readonly [name: string, value: string]>,
  trustedProxies: readonly Network[],
): Origin {
  const peer = originOfSocket(socket);
  if (!isWithin(trustedProxies, peer.address)) {
    return peer;
  }
  const protocols = listOf(headers, "x-forwarded-proto");
  return {
    address: lastUntrusted(listOf(headers, "x-forwarded-for"), peer.address, trustedProxies),
    secure: protocols.length === 0 ? peer.secure : protocols.every((protocol) => protocol.toLowerCase() === "https"),
  };
}

export function isWithin(networks: readonly Network[], address: string): boolean {
  const known = networks.length === 0 ? undefined : readNetwork(address);
  return known !== undefined && networks.some((network) => contains(network, known));
}

/** An entry that is no address ends the search: only the proxies after it are known. */
function lastUntrusted(hops: readonly string[], peer: string, trustedProxies: readonly Network[]): string {
  let known = peer;
  for (const hop of hops.toReversed()) {
    const address = withoutPort(hop);
    if (readNetwork(address) === undefined || address.includes("/")) {
      return known;
    }
    known = address.replace(/^::ffff:(?=[0-9.]+$)/i, "");
    if (!isWithin(trustedProxies, known)) {
      return known;
    }
  }
  return known;
}

/** Some proxies write `192.0.2.1:50000` and `[2001:db8::1]:50000`. */
function withoutPort(hop: string): string {
  const [, bracketed, plain] = /^\[([^\]]*)\](?::[0-9]+)?$|^([0-9.]+):[0-9]+$/.exec(hop) ?? [];
  return bracketed ?? plain ?? hop;
}

function listOf(headers: ReadonlyArray<readonly [name: string, value: string]>, wanted: string): readonly string[] {
  return headers
    .filter(([name]) => name.toLowerCase() === wanted)
    .flatMap(([, value]) => value.split(","))
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
