import { readNetwork } from "./policy/conditions/addresses.ts";

const clientBits = 64n;

/** The network that limits count as one client: an IPv4 address, or the 64 bits of IPv6 that every site is given at least. */
export function clientNetwork(address: string): string {
  const network = address.includes(":") ? readNetwork(address) : undefined;
  return network?.sizeBits === 128 ? `${(network.bits >> clientBits).toString(16)}::/64` : address;
}
