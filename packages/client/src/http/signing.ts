import { SignatureV4 } from "@smithy/signature-v4";
import type { SignerHash } from "../platform.ts";
import type { Credentials } from "./credentials.ts";

/** A request before it is signed. */
export interface UnsignedRequest {
  readonly method: string;
  /** The percent-encoded path. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Headers, all of which are signed. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Signs a request by Signature Version 4, and resolves to all headers to send. The body's hash must be among those given. */
export type Signer = (
  request: UnsignedRequest,
  credentials: Credentials,
  date: Date,
) => Promise<Record<string, string>>;

export function createSigner(scope: {
  readonly endpoint: URL;
  readonly region: string;
  /** `glacier`; `moraine` for the admin API of Moraine's servers. */
  readonly service: "glacier" | "moraine";
  readonly Sha256: SignerHash;
}): Signer {
  const { endpoint, region, service, Sha256 } = scope;
  return async ({ method, path, query, headers }, credentials, date) => {
    const signer = new SignatureV4({ credentials: identityOf(credentials), region, service, sha256: Sha256 });
    const { protocol, hostname } = endpoint;
    const request = {
      method,
      protocol,
      hostname,
      path,
      query: { ...query },
      headers: { ...headers, host: endpoint.host },
    };
    const signed = await signer.sign(request, { signingDate: date });
    return signed.headers;
  };
}

function identityOf({ accessKeyId, secretAccessKey, sessionToken }: Credentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}
