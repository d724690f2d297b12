import { jsonReply, type Reply } from "./encode.ts";
import type { WireRequest } from "./wire-request.ts";

/** What the server says about itself, without a signature. */
export interface PageSources {
  /** Null when the service is ready; otherwise why it is not. */
  readiness(): string | null;
  /** What an operator should know though the service works. */
  warnings(): readonly string[];
  /** In the text format of Prometheus. */
  metrics(): Promise<{ contentType: string; text: string }>;
}

/** The page that an unsigned request asks for; null when there is none, and it is an API request after all. */
export async function page(request: WireRequest, sources: PageSources): Promise<Reply | null> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return null;
  }
  switch (request.path) {
    case "/health/live":
      return jsonReply(200, { status: "live" });
    case "/health/ready": {
      const reason = sources.readiness();
      const warnings = sources.warnings();
      return reason === null
        ? jsonReply(200, { status: "ready", ...(warnings.length > 0 && { warnings }) })
        : jsonReply(503, { status: "not ready", reason, ...(warnings.length > 0 && { warnings }) });
    }
    case "/metrics": {
      const { contentType, text } = await sources.metrics();
      const length = String(Buffer.byteLength(text));
      return { status: 200, headers: { "Content-Type": contentType, "Content-Length": length }, body: text };
    }
    default:
      return null;
  }
}
