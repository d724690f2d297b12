/** Where to listen. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

const portMax = 65_535;

/** Reads `HOST:PORT`, where an address of IPv6 stands in brackets; undefined for anything else. */
export function readPlace(text: string): Place | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port > portMax ? undefined : { host, port };
}
