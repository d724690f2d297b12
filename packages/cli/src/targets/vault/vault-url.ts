import { awsEndpoint } from "@moraine/client";
import { InvalidTargetError } from "../target.ts";

/** A vault of a service: `vault:NAME@https://host:port?region=…` or `vault:NAME@aws:REGION`. */
export interface VaultUrl {
  readonly vaultName: string;
  readonly endpoint: string;
  readonly region: string;
}

const expected = "expected vault:NAME@https://HOST:PORT?region=NAME or vault:NAME@aws:REGION";
const regionDefault = "us-east-1";

/** Parses a target that begins with `vault:`. Throws InvalidTargetError. */
export function parseVaultUrl(text: string): VaultUrl {
  const [, vaultName = "", service = ""] = /^vault:([A-Za-z0-9_.-]{1,255})@(.+)$/.exec(text) ?? [];
  if (vaultName === "") {
    throw new InvalidTargetError(`Invalid target "${text}": ${expected}`);
  }
  const [, awsRegion] = /^aws:([a-z0-9-]+)$/.exec(service) ?? [];
  return awsRegion === undefined
    ? { vaultName, ...serviceOf(service, text) }
    : { vaultName, endpoint: awsEndpoint(awsRegion).href, region: awsRegion };
}

function serviceOf(service: string, text: string): Pick<VaultUrl, "endpoint" | "region"> {
  const url = URL.parse(service);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InvalidTargetError(`Invalid target "${text}": ${expected}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidTargetError(
      `Invalid target at ${url.host}: it has credentials. Set MORAINE_TARGET_ACCESS_KEY_ID and MORAINE_TARGET_SECRET_ACCESS_KEY instead`,
    );
  }
  const unknown = [...url.searchParams.keys()].find((name) => name !== "region");
  if (unknown !== undefined) {
    throw new InvalidTargetError(`Unknown setting "${unknown}" in "${text}": expected region`);
  }
  const region = url.searchParams.get("region") ?? regionDefault;
  url.search = "";
  return { endpoint: url.href, region };
}
