import { noDeletedBytes, type StorageReport } from "../../domain/stores/storage-report.ts";
import { jsonReply, type Reply } from "../wire/encode.ts";
import type { WireRequest } from "../wire/wire-request.ts";

/** The sources of the pages that need no signature. */
export interface PageSources {
  /** Null when archives can be read and deleted; otherwise why not. */
  readability(): string | null;
  /** Null when the service is ready for all requests; otherwise why it is not. */
  readiness(): string | null;
  storage(): StorageReport;
  /** Warnings for the operator of a service that works. */
  warnings(): readonly string[];
  /** In the text format of Prometheus. */
  metrics(): Promise<{ contentType: string; text: string }>;
}

/** Says who may see a page: strangers learn no more than whether the service is up. */
export interface Audience {
  readonly seesReasons: boolean;
  readonly seesMetrics: boolean;
}

/** The page that an unsigned request asks for; null when there is none, and it is an API request after all. */
export async function page(request: WireRequest, sources: PageSources, audience: Audience): Promise<Reply | null> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return null;
  }
  switch (request.path) {
    case "/health/live":
      return jsonReply(200, { status: "live" });
    case "/health/readable":
      return state("readable", sources.readability(), audience.seesReasons ? sources : null);
    case "/health/ready":
      return state("ready", sources.readiness(), audience.seesReasons ? sources : null);
    case "/metrics":
      return audience.seesMetrics ? metrics(sources) : null;
    default:
      return null;
  }
}

function state(good: string, reason: string | null, sources: PageSources | null): Reply {
  const details = sources === null ? {} : { ...(reason !== null && { reason }), ...detailsOf(sources) };
  return reason === null
    ? jsonReply(200, { status: good, ...details })
    : jsonReply(503, { status: `not ${good}`, ...details });
}

function detailsOf(sources: PageSources): object {
  const warnings = sources.warnings();
  const { readOnly, freeBytes, deleted } = sources.storage();
  return {
    ...(readOnly !== null && { storage: { readOnly: readOnly.reason, freeBytes, deleted: withDates(deleted) } }),
    ...(warnings.length > 0 && { warnings }),
  };
}

async function metrics(sources: PageSources): Promise<Reply> {
  const { contentType, text } = await sources.metrics();
  const length = String(Buffer.byteLength(text));
  return { status: 200, headers: { "Content-Type": contentType, "Content-Length": length }, body: text };
}

const withDates = ({ sizeBytes, freeFrom, freeBy }: StorageReport["deleted"]) => ({
  sizeBytes,
  freeFrom: freeFrom === null ? null : new Date(freeFrom).toISOString(),
  freeBy: freeBy === null ? null : new Date(freeBy).toISOString(),
});

/** Pages before the service has started. */
export const startingPages: PageSources = {
  readability: () => "starting",
  readiness: () => "starting",
  storage: () => ({ readOnly: null, freeBytes: null, reserveBytes: 0, deleted: noDeletedBytes }),
  warnings: () => [],
  metrics: async () => ({ contentType: "text/plain; version=0.0.4", text: "moraine_ready 0\n" }),
};
