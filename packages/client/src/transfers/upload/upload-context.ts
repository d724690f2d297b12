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
  /** False if the service is known not to be AWS. A Moraine server recognises a repeated request by its invocation id. */
  readonly mayBeAws: boolean;
}

/** The archive that an upload makes. */
export interface UploadedArchive {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
}
