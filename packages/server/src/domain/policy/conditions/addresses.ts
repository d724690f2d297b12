/** A network of IPv4 or IPv6; an address is one of full length. */
export interface Network {
  readonly sizeBits: 32 | 128;
  readonly bits: bigint;
  readonly prefixBits: number;
}

/**
 * `203.0.113.0/24`, `2001:db8::/32`, or an address alone; undefined for what is neither. IPv4 within IPv6 (`::ffff:…`) is IPv4,
 * so a listener on both does not change who matches. A zone (`fe80::1%eth0`) says nothing about the address.
 */
export function readNetwork(text: string): Network | undefined {
  const [, address = "", prefix] = /^([0-9a-f.:]+)(?:%[\w.-]+)?(?:\/(0|[1-9][0-9]{0,2}))?$/i.exec(text) ?? [];
  const v4 = readV4(address);
  const sizeBits = v4 === undefined ? 128 : 32;
  const bits = v4 ?? readV6(address);
  const prefixBits = prefix === undefined ? sizeBits : Number(prefix);
  return bits === undefined || prefixBits > sizeBits ? undefined : unmapped({ sizeBits, bits, prefixBits });
}

/** Networks of the other family hold no address of this one. */
export function contains(network: Network, address: Network): boolean {
  const ignoredBits = BigInt(network.sizeBits - network.prefixBits);
  return (
    network.sizeBits === address.sizeBits &&
    network.prefixBits <= address.prefixBits &&
    (network.bits ^ address.bits) >> ignoredBits === 0n
  );
}

function readV4(text: string): bigint | undefined {
  const bytes = text.split(".");
  // A leading zero is octal to some and decimal to others.
  if (bytes.length !== 4 || !bytes.every((byte) => /^(0|[1-9][0-9]{0,2})$/.test(byte) && Number(byte) <= 255)) {
    return undefined;
  }
  return bytes.reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
}

function readV6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) {
    return undefined;
  }
  const [head = [], tail = []] = halves.map((half, index) => groups(half, index === halves.length - 1));
  const missing = 8 - head.length - tail.length;
  const isWhole = halves.length === 1 ? missing === 0 : missing > 0;
  const all = [...head, ...Array<string>(Math.max(missing, 0)).fill("0"), ...tail];
  if (!isWhole || !all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) {
    return undefined;
  }
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** The last two groups may be written as IPv4. */
function groups(text: string, isLast: boolean): readonly string[] {
  const parts = text === "" ? [] : text.split(":");
  const v4 = isLast ? readV4(parts.at(-1) ?? "") : undefined;
  if (v4 === undefined) {
    return parts;
  }
  return [...parts.slice(0, -1), (v4 >> 16n).toString(16), (v4 & 0xffffn).toString(16)];
}

function unmapped(network: Network): Network {
  const isMapped = network.sizeBits === 128 && network.prefixBits >= 96 && network.bits >> 32n === 0xffffn;
  return isMapped ? { sizeBits: 32, bits: network.bits & 0xffff_ffffn, prefixBits: network.prefixBits - 96 } : network;
}
