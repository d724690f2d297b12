import { errors, GlacierError, partitionOf } from "@moraine/protocol";
import type { Identify } from "../auth/authenticate.ts";
import { cutTo } from "../auth/cut-text.ts";
import { principalArn } from "../domain/policy/evaluate.ts";
import { readSigned } from "./body/read-signed.ts";
import { StsError, stsFormOf, stsReply } from "./body/sts-form.ts";
import type { Incoming } from "./perform.ts";
import type { Reply } from "./wire/encode.ts";
import type { WireRequest } from "./wire/wire-request.ts";

export interface StsContext {
  readonly identify: Identify;
  readonly region: string;
}

const action = "GetCallerIdentity";
const apiVersion = "2011-06-15";
/** The action and the version take 43. */
const bodySizeBytesMax = 4096;
/** The longest action or version that an error repeats. */
const namedBytesMax = 512;

/** Whether a request is signed for STS, whose only path is the root. */
export function isStsRequest({ method, path, header }: WireRequest): boolean {
  return path === "/" && ["GET", "POST"].includes(method) && /\/sts\/aws4_request/.test(header("authorization") ?? "");
}

/**
 * Answers GetCallerIdentity, by which tools find out the account whose vaults they are to work on. Nothing else of STS is
 * served. As at AWS it needs no permission, only a signature.
 */
export async function serveSts(
  { identify, region }: StsContext,
  { request, shortBody, onRoute, onVerified, audit }: Incoming,
  requestId: string,
): Promise<Reply> {
  const form = stsFormOf(request, requestId);
  onRoute(action);
  audit.onRoute({ name: action, isChange: false, path: {} });
  try {
    using identified = await identify(request);
    const bounded = { body: shortBody, sizeBytesMax: bodySizeBytesMax };
    const { caller, json } = await readSigned(identified, { request: "json" }, request, bounded);
    onVerified();
    audit.onCaller(caller);
    assertAction(request, new URLSearchParams(Buffer.from(json).toString("utf8")));
    const { accountId, principal, user } = caller;
    const arn = principalArn(principal, partitionOf(region));
    return stsReply(action, { Arn: arn, UserId: user?.id ?? accountId, Account: accountId }, form);
  } catch (error) {
    throw error instanceof GlacierError ? new StsError(error, form) : error;
  }
}

/** The query protocol has its parameters in the query, in the body, or in both. */
function assertAction({ parameters }: WireRequest, body: URLSearchParams): void {
  const one = (name: string): string | undefined => {
    const values = [...parameters(name), ...body.getAll(name)];
    return values.length === 1 ? values[0] : undefined;
  };
  const version = one("Version");
  if (one("Action") !== action || version !== apiVersion) {
    const [named, ofVersion] = [String(one("Action")), version ?? "NO_VERSION_SPECIFIED"].map((text) =>
      cutTo(text, namedBytesMax),
    );
    throw errors.invalidParameter(`Could not find operation ${named} for version ${ofVersion}`);
  }
}
