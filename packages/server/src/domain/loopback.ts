import { contains, readNetwork } from "./policy/conditions/addresses.ts";

const networks = ["127.0.0.0/8", "::1"].flatMap((text) => readNetwork(text) ?? []);

/** Whether a host is this machine for certain: an address of loopback, or `localhost`. Any other name may lead elsewhere. */
export function isLoopback(host: string): boolean {
  const address = readNetwork(host);
  return address === undefined
    ? host.toLowerCase() === "localhost"
    : networks.some((network) => contains(network, address));
}
