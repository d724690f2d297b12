import { errors, type InventoryFormat, isDescription, type JobParameters } from "@moraine/protocol";
import { inventoryBounds } from "../../domain/jobs/inventory.ts";
import { type InventorySelection, type Tier, tiers } from "../../domain/jobs/job.ts";
import { assertTopic, type TopicRule } from "../../domain/notifications/topic.ts";

/** The parsed body of InitiateJob, with everything checked that needs no look-up. */
export type JobRequest = ArchiveJobRequest | InventoryJobRequest;

interface CommonRequest {
  readonly description: string | null;
  readonly snsTopic: string | null;
}

export interface ArchiveJobRequest extends CommonRequest {
  readonly kind: "archive-retrieval";
  readonly archiveId: string;
  readonly tier: Tier;
  /** As sent: it is judged by the archive's size. Null is the whole archive. */
  readonly byteRange: string | null;
}

export interface InventoryJobRequest extends CommonRequest {
  readonly kind: "inventory-retrieval";
  readonly format: InventoryFormat;
  readonly selection: InventorySelection;
}

/** Checks the body of InitiateJob (docs/wire.md#jobs); throws Missing- or InvalidParameterValueException. */
export function readJobRequest(parameters: JobParameters | undefined, topicRule: TopicRule): JobRequest {
  if (parameters === undefined) {
    throw errors.missingParameter("Job Parameters");
  }
  const kind = parameters.Type;
  if (kind === undefined) {
    throw errors.missingParameter("type");
  }
  if (kind !== "archive-retrieval" && kind !== "inventory-retrieval") {
    throw errors.invalidParameter(`Invalid job type: ${kind}`);
  }
  // A missing field is reported before a wrong one: docs/wire.md#order-of-checks
  const archivePart = kind === "archive-retrieval" ? readArchivePart(parameters) : null;
  // Tier and Format are checked for both kinds of job, and then each counts for one: docs/wire.md#jobs
  const tier = oneOf("Tier", tiers, parameters.Tier ?? "Standard");
  const format = oneOf<InventoryFormat>("Format", ["JSON", "CSV"], parameters.Format ?? "JSON");
  const { Description, SNSTopic } = parameters;
  const common = { description: readDescription(Description), snsTopic: readTopic(SNSTopic, topicRule) };
  return archivePart === null
    ? { kind: "inventory-retrieval", ...common, format, selection: readSelection(parameters) }
    : { kind: "archive-retrieval", ...common, tier, ...archivePart };
}

function readArchivePart(parameters: JobParameters): Pick<ArchiveJobRequest, "archiveId" | "byteRange"> {
  if (parameters.ArchiveId === undefined) {
    throw errors.missingParameter("archiveId");
  }
  return { archiveId: parameters.ArchiveId, byteRange: parameters.RetrievalByteRange ?? null };
}

function readSelection(parameters: JobParameters): InventorySelection {
  for (const member of ["ArchiveId", "RetrievalByteRange"] as const) {
    if (parameters[member] !== undefined) {
      throw errors.invalidParameter(`${member} must not be given for an inventory-retrieval job`);
    }
  }
  const { StartDate, EndDate, Limit, Marker } = parameters.InventoryRetrievalParameters ?? {};
  const selection = {
    startDate: StartDate ?? null,
    endDate: EndDate ?? null,
    limit: Limit ?? null,
    marker: Marker ?? null,
  };
  inventoryBounds(selection);
  return selection;
}

function oneOf<Value extends string>(member: string, allowed: readonly Value[], given: string): Value {
  const value = allowed.find((candidate) => candidate === given);
  if (value === undefined) {
    throw errors.invalidParameter(`Invalid ${member}: ${given}`);
  }
  return value;
}

function readDescription(text: string | undefined): string | null {
  if (text !== undefined && !isDescription(text)) {
    throw errors.invalidParameter(
      "Invalid job description: it must not be longer than 1024 bytes, each of them printable ASCII",
    );
  }
  return text ?? null;
}

function readTopic(arn: string | undefined, rule: TopicRule): string | null {
  if (arn !== undefined) {
    assertTopic(arn, rule);
  }
  return arn ?? null;
}
