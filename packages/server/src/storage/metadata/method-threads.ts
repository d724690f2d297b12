import type { MetadataChanges, MetadataQueries } from "../../domain/metadata-store.ts";

type MethodThreads = { readonly [Name in keyof MetadataQueries]: "reader" } & {
  readonly [Name in keyof MetadataChanges]: "writer";
};

/** Which thread runs a method. Here and not read from the statements, which only the threads themselves load. */
export const methodThreads: MethodThreads = {
  findVault: "reader",
  findVaultById: "reader",
  listVaults: "reader",
  findArchive: "reader",
  segmentsOf: "reader",
  inventoryPage: "reader",
  findUpload: "reader",
  listUploads: "reader",
  listParts: "reader",
  findJob: "reader",
  listJobs: "reader",
  nextJobDue: "reader",
  findSegment: "reader",
  findAccessKey: "reader",
  listAccessKeys: "reader",

  createVault: "writer",
  removeVault: "writer",
  takeInventory: "writer",
  takeDueInventories: "writer",
  intendSegment: "writer",
  abandonSegment: "writer",
  suspectSegment: "writer",
  releaseLeases: "writer",
  condemnSegments: "writer",
  forgetSegments: "writer",
  addArchive: "writer",
  removeArchive: "writer",
  addUpload: "writer",
  addPart: "writer",
  completeUpload: "writer",
  abortUpload: "writer",
  expireUploads: "writer",
  addJob: "writer",
  claimJobs: "writer",
  renewJob: "writer",
  finishJob: "writer",
  expireJobs: "writer",
  putAccessKey: "writer",
};
