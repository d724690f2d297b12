/** AWS's domains by the beginning of a region's name. The last one is for all other regions. */
const partitions = [
  ["cn-", "amazonaws.com.cn"],
  ["eusc-", "amazonaws.eu"],
  ["us-isob-", "sc2s.sgov.gov"],
  ["us-isof-", "csp.hci.ic.gov"],
  ["us-iso-", "c2s.ic.gov"],
  ["eu-isoe-", "cloud.adc-e.uk"],
  ["", "amazonaws.com"],
] as const;

/** AWS's domains that belong to no partition. */
const otherDomains = ["api.aws", "api.amazonwebservices.com.cn"] as const;

/** Returns AWS's endpoint of the vault API in a region. */
export function awsEndpoint(region: string): URL {
  if (!/^[a-z0-9-]+$/.test(region)) {
    throw new TypeError(`Invalid region ${JSON.stringify(region)}: expected one like us-east-1`);
  }
  const domain = partitions.find(([start]) => region.startsWith(start))?.[1];
  return new URL(`https://glacier.${region}.${domain}`);
}

/**
 * Parses an endpoint like `http://127.0.0.1:8484`. Throws a TypeError for one with a path, a query or a password, which this API does not
 * have. Throws it for plain HTTP to AWS, too: an eavesdropper could read archives, and respond instead of AWS.
 */
export function parseEndpoint(text: string | URL): URL {
  const url = URL.parse(String(text));
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`Invalid endpoint ${text}: expected a URL like http://127.0.0.1:8484`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(`Invalid endpoint ${url.host}: it must not contain a user or a password`);
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new TypeError(`Invalid endpoint ${url.href}: it must end with its host or port`);
  }
  if (url.protocol === "http:" && isAwsHost(url.hostname)) {
    throw new TypeError(`Invalid endpoint ${url.origin}: plain HTTP is refused to AWS, use https://${url.host}`);
  }
  return url;
}

/** Whether this is a host of AWS. */
export function isAwsHost(hostname: string): boolean {
  const host = hostname.replace(/\.+$/, "");
  const domains = [...partitions.map(([, domain]) => domain), ...otherDomains];
  return domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
}
