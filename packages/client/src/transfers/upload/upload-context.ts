import type { UploadPlace } from "./multipart-upload.ts";
import type { SendContext } from "./send-part.ts";
import type { OpenSource } from "./source-part.ts";
import type { UploadJournal } from "./upload-journal.ts";

/** A run of an upload: its vault, its source, and its journal. */
export interface Upload {
  readonly place: UploadPlace;
  readonly source: OpenSource;
  readonly journal: UploadJournal;
  readonly context: SendContext & { readonly concurrency: number };
  readonly description: string | undefined;
  /** Null if the request is not recorded by the caller. */
  readonly beforeRequest: ((request: AnnouncedRequest) => Promise<RequestIdentity>) | null;
  /** False if the service is known not to be AWS. A Moraine server recognises a repeated request by its invocation id. */
  readonly mayBeAws: boolean;
}

/** An archive that is about to be sent in one request. */
export interface AnnouncedRequest {
  readonly sizeBytes: number;
  readonly treeHash: string;
  /** SHA-256 of all bytes, in hex. */
  readonly sha256: string;
}

export interface RequestIdentity {
  readonly invocationId: string;
  /** Whether a request with this id may have been sent before. */
  readonly isRepeated: boolean;
}

/** The archive that an upload makes. */
export interface UploadedArchive {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
}
