import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { DeliveryError } from "../domain/notifications/notifier.ts";
import { isPublicAddress } from "./public-address.ts";

/** All addresses of a host. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export const systemResolve: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/**
 * Asks once where a host is. Rejects with a `DeliveryError` when even one of its addresses is not public, unless private
 * ones are allowed: the owner of a name could otherwise lead the server into its own network.
 */
export async function checkedAddresses(
  { hostname }: URL,
  options: { readonly resolve: Resolve; readonly allowPrivateAddresses: boolean },
): Promise<readonly string[]> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) === 0 ? await options.resolve(host) : [host];
  if (addresses.length === 0) {
    throw new DeliveryError("the endpoint's name has no address");
  }
  // The addresses themselves are not for whoever reads the reason.
  if (!options.allowPrivateAddresses && !addresses.every(isPublicAddress)) {
    throw new DeliveryError("the endpoint's address is not public");
  }
  return addresses;
}

/** Answers with the addresses that were checked, whatever the name would lead to by now. */
export function lookupOf(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, options, callback) => {
    const [first] = all;
    if (options.all === true || first === undefined) {
      callback(null, all);
    } else {
      callback(null, first.address, first.family);
    }
  };
}
