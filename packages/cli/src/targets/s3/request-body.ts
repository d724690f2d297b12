import { hash } from "node:crypto";
import type { HeldPart } from "../parts/part-buffers.ts";

/** The bytes of a request, with the hashes that the store compares them with. */
export type RequestBody = Pick<HeldPart, "sizeBytes" | "sha256" | "md5" | "open">;

/** Returns bytes in memory as a body. */
export function bodyFrom(bytes: Uint8Array): RequestBody {
  return { sizeBytes: bytes.length, sha256: hash("sha256", bytes), md5: null, open: () => bytes };
}

/** Returns the fields of a request for its body. Every store refuses a wrong MD5. */
export const bodyOf = (body: RequestBody) => ({
  Body: body.open(),
  ContentLength: body.sizeBytes,
  ContentMD5: body.md5 === null ? undefined : Buffer.from(body.md5, "hex").toString("base64"),
});

interface Changeable {
  readonly middlewareStack: { add(middleware: unknown, options: { step: "build" }): void };
}

/** Lets a request be signed with the hash of its body, which every store compares. The SDK would leave it out of a stream's request. */
export function withBodyHash<Command extends Changeable>(command: Command, sha256: string): Command {
  const middleware =
    (next: (args: unknown) => Promise<unknown>) => (args: { request: { headers: Record<string, string> } }) => {
      args.request.headers["x-amz-content-sha256"] = sha256;
      return next(args);
    };
  command.middlewareStack.add(middleware, { step: "build" });
  return command;
}
