import type { AuditFacts, Recorder } from "../audit.ts";
import type { MetadataChanges, MetadataQueries, MetadataStore } from "./metadata-store.ts";

/**
 * Names what a change was about, from its input and its result: null leaves what the request's path names, false means that nothing
 * has changed.
 */
type SubjectOf<Name extends keyof MetadataChanges> = MetadataChanges[Name] extends (
  input: infer Input,
) => Promise<infer Result>
  ? (input: Input, result: Result) => string | null | false
  : never;

const asInPath = () => null;
const ofPrincipal = (userName: string | null, name: string): string => `${userName ?? "root"}/${name}`;

/**
 * Every change of the store, and how the audit trail names it. The compiler refuses a change that is missing here. Those
 * with null are not recorded: the service makes them by itself, or as a step towards one that is recorded.
 */
export const recordedChanges = {
  createVault: asInPath,
  removeVault: asInPath,
  addArchive: (_, made) => made.id,
  removeArchive: ({ archiveId }) => archiveId,
  addUpload: ({ upload }) => upload.id,
  addPart: ({ uploadId }) => uploadId,
  completeUpload: (_, made) => made?.id ?? false,
  abortUpload: ({ uploadId }) => uploadId,
  addJob: ({ job }) => job.id,
  retryNotification: ({ id }) => id,
  addTags: asInPath,
  removeTags: asInPath,
  setNotifications: asInPath,
  setAccessPolicy: asInPath,
  initiateLock: asInPath,
  completeLock: asInPath,
  abortLock: asInPath,
  setRetrievalPolicy: asInPath,
  addCapacityUnit: ({ id }) => id,
  createAccount: ({ account }) => account.id,
  removeAccount: (accountId) => accountId,
  createUser: ({ userName }) => userName,
  removeUser: ({ userName }) => userName,
  giveRootKey: ({ accessKeyId }, { replaced }) =>
    ofPrincipal(null, replaced.length === 0 ? accessKeyId : `${accessKeyId} in place of ${replaced.join(", ")}`),
  putRootKey: ({ accessKeyId }) => ofPrincipal(null, accessKeyId),
  addAccessKey: ({ userName, key }) => ofPrincipal(userName, key.accessKeyId),
  addSession: ({ userName, key }) => ofPrincipal(userName, key.accessKeyId),
  setAccessKeyActive: ({ userName, accessKeyId }) => ofPrincipal(userName, accessKeyId),
  removeAccessKey: ({ userName, accessKeyId }) => ofPrincipal(userName, accessKeyId),
  putUserPolicy: ({ user, policy }) => ofPrincipal(user.userName, policy.policyName),
  removeContents: asInPath,
  removeUserPolicy: ({ user, policyName }) => ofPrincipal(user.userName, policyName),

  // These add entries of their own.
  expireLocks: null,
  addAuditEntries: null,
  pruneAuditEntries: null,

  noteAuditLogged: null,
  addAuditKey: null,
  clearVaults: null,
  takeInventory: null,
  takeDueInventories: null,
  recordIntent: null,
  renewIntents: null,
  abandonSegment: null,
  releaseLeases: null,
  markDead: null,
  releaseSegments: null,
  forgetSegments: null,
  unlistArchives: null,
  forgetArchives: null,
  expireUploads: null,
  forgetUploads: null,
  forgetRequests: null,
  claimJobs: null,
  renewJob: null,
  finishJob: null,
  expireJobs: null,
  claimNotifications: null,
  removeNotification: null,
  postponeNotification: null,
  failNotification: null,
  expireNotifications: null,
  useSignature: null,
  putDataKeys: null,
  resealSecrets: null,
  raiseTrustedTime: null,
  claimInstallation: null,
  setUnshownKey: null,
  recordDamage: null,
  removeDamage: null,
  expireDamage: null,
  beginScrub: null,
  restartScrub: null,
  keepScrubCursor: null,
  finishScrubRange: null,
  forgetNewSegments: null,
  queueSegment: null,
  noteNewRead: null,
  replaceManifest: null,
} satisfies { readonly [Name in keyof MetadataChanges]: SubjectOf<Name> | null };

export type RecordedChange = {
  [Name in keyof MetadataChanges]: (typeof recordedChanges)[Name] extends null ? never : Name;
}[keyof MetadataChanges];

declare const isBound: unique symbol;

/** The store as operations see it: what they change is recorded as done by the request's caller. Only `recordedBy` makes one. */
export interface RecordedMetadata extends MetadataQueries, MetadataChanges {
  readonly [isBound]: true;
}

/** The store as work without a caller sees it: nothing that would have to be recorded can be changed. */
export type UnrecordedMetadata = MetadataQueries & Omit<MetadataChanges, RecordedChange>;

/** How drivers implement every method: an entry that comes with a change is kept in the change's own transaction. */
export type StoreMethod = (input: unknown, facts?: AuditFacts) => Promise<unknown>;

/** Binds a store to the one who changes it. Costs one small object: the methods are on a prototype, made once for each store. */
export function recordedBy(store: MetadataStore, recorder: Recorder): RecordedMetadata {
  let bind = binders.get(store);
  if (bind === undefined) {
    bind = binderOf(store);
    binders.set(store, bind);
  }
  return bind(recorder);
}

const binders = new WeakMap<MetadataStore, (recorder: Recorder) => RecordedMetadata>();

interface BoundTo {
  readonly recorder: Recorder;
}

function binderOf(store: MetadataStore): (recorder: Recorder) => RecordedMetadata {
  class Bound implements BoundTo {
    readonly recorder: Recorder;

    constructor(recorder: Recorder) {
      this.recorder = recorder;
    }
  }
  for (const [name, method] of Object.entries(store) as [string, StoreMethod][]) {
    const isRecorded = recordedChanges[name as keyof MetadataChanges] !== null && name in recordedChanges;
    const bound = function (this: BoundTo, input: unknown) {
      return method(input, this.recorder.facts());
    };
    Object.defineProperty(Bound.prototype, name, { value: isRecorded ? bound : method });
  }
  return (recorder) => new Bound(recorder) as unknown as RecordedMetadata;
}
