/** Regions by their beginning, and where AWS serves them; the last one takes all others. */
const partitions = [
  ["cn-", "amazonaws.com.cn"],
  ["eusc-", "amazonaws.eu"],
  ["us-isob-", "sc2s.sgov.gov"],
  ["us-isof-", "csp.hci.ic.gov"],
  ["us-iso-", "c2s.ic.gov"],
  ["eu-isoe-", "cloud.adc-e.uk"],
  ["", "amazonaws.com"],
] as const;

/** AWS's names that are in none of the partitions' domains. */
const otherDomains = ["api.aws", "api.amazonwebservices.com.cn"] as const;

/** AWS's endpoint of the vault API in a region. */
export function awsEndpoint(region: string): URL {
  if (!/^[a-z0-9-]+$/.test(region)) {
    throw new TypeError(`A region is like us-east-1, and not ${JSON.stringify(region)}`);
  }
  const domain = partitions.find(([start]) => region.startsWith(start))?.[1];
  return new URL(`https://glacier.${region}.${domain}`);
}

/**
 * Reads an endpoint like `http://127.0.0.1:8484`. Throws a TypeError for one with a path, a query or a password, none of
 * which this API has, and for plain HTTP to AWS: who listens there could read archives and answer in AWS's place.
 */
export function parseEndpoint(text: string | URL): URL {
  const url = URL.parse(String(text));
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`The endpoint must be a URL like http://127.0.0.1:8484, and is ${text}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(`The endpoint must not contain a user or a password: ${url.host}`);
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new TypeError(`The endpoint must end with its host or port, and is ${url.href}`);
  }
  if (url.protocol === "http:" && isAwsHost(url.hostname)) {
    throw new TypeError(`Nothing is sent to AWS over plain HTTP; use https://${url.host}`);
  }
  return url;
}

/** Whether AWS serves at this name. */
export function isAwsHost(hostname: string): boolean {
  const host = hostname.replace(/\.+$/, "");
  const domains = [...partitions.map(([, domain]) => domain), ...otherDomains];
  return domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
}
