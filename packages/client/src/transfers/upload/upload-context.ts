import type { UploadPlace } from "./multipart-upload.ts";
import type { SendContext } from "./send-part.ts";
import type { OpenSource } from "./source-part.ts";
import type { UploadJournal } from "./upload-journal.ts";

/** One run of an upload: where to, from what, and what is known of earlier runs. */
export interface Upload {
  readonly place: UploadPlace;
  readonly source: OpenSource;
  readonly journal: UploadJournal;
  readonly context: SendContext & { readonly concurrency: number };
  readonly description: string | undefined;
  /** False where the service is known to be another one, which recognises a request by its invocation id if it is a Moraine server. */
  readonly mayBeAws: boolean;
}

/** The archive that an upload makes. */
export interface UploadedArchive {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
}
