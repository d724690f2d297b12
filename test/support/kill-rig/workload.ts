import { treeHashOf } from "../content.ts";
import type { GlacierHttp } from "../glacier-http.ts";
import type { Random } from "../random.ts";
import { bytesOf, type Ledger, type OpenUpload, type Piece } from "./ledger.ts";

const partSizeBytes = 1024 ** 2;

export interface Workload {
  readonly glacier: GlacierHttp;
  readonly vault: string;
  readonly ledger: Ledger;
  readonly random: Random;
  /** Called with every success, in the turn in which it is received. */
  onAcknowledged(): void;
}

/** One thing that clients do. Rejects when the connection breaks, and then the ledger says what was under way. */
export async function act(workload: Workload): Promise<void> {
  const dice = workload.random.fraction();
  if (dice < 0.5) {
    await uploadSingle(workload, workload.random.whole(1, 16 * 1024));
  } else if (dice < 0.6) {
    await uploadSingle(workload, workload.random.whole(1024 ** 2, 8 * 1024 ** 2));
  } else if (dice < 0.85) {
    await workOnUpload(workload);
  } else {
    await deleteOne(workload);
  }
}

async function uploadSingle({ glacier, vault, ledger, onAcknowledged }: Workload, sizeBytes: number): Promise<void> {
  const sending = ledger.newSending([ledger.newPiece(sizeBytes)]);
  const archiveId = await glacier.uploadArchive(vault, bytesOf(sending.pieces), sending.name);
  ledger.markStored(sending, archiveId);
  onAcknowledged();
}

async function deleteOne({ glacier, vault, ledger, random, onAcknowledged }: Workload): Promise<void> {
  const sending = random.oneOf(ledger.withFate("stored"));
  if (sending === undefined) {
    return;
  }
  sending.fate = "deleting";
  await glacier.deleteArchive(vault, sending.archiveId ?? "");
  sending.fate = "deleted";
  onAcknowledged();
}

/** Continues with an upload that a kill has interrupted, or begins one. */
async function workOnUpload(workload: Workload): Promise<void> {
  const { ledger } = workload;
  const upload = [...ledger.uploads].find(({ busy }) => !busy) ?? (await initiateUpload(workload));
  upload.busy = true;
  try {
    for (const part of upload.completing ? [] : upload.parts.keys()) {
      await sendPart(workload, upload, part);
    }
    await completeUpload(workload, upload);
  } finally {
    upload.busy = false;
  }
}

async function initiateUpload({ glacier, vault, ledger, random, onAcknowledged }: Workload): Promise<OpenUpload> {
  const fullParts = Array.from({ length: random.whole(0, 3) }, () => ledger.newPiece(partSizeBytes));
  const planned = [...fullParts, ledger.newPiece(random.whole(1, partSizeBytes))];
  const sending = ledger.newSending(planned);
  const answer = await glacier.demand({
    method: "POST",
    path: `/-/vaults/${vault}/multipart-uploads`,
    headers: { "x-amz-part-size": String(partSizeBytes), "x-amz-archive-description": sending.name },
  });
  const upload: OpenUpload = {
    uploadId: String(answer.headers["x-amz-multipart-upload-id"]),
    sending,
    partSizeBytes,
    parts: planned.map((piece) => ({ planned: piece, acknowledged: null, unanswered: null })),
    completing: false,
    busy: true,
  };
  ledger.uploads.add(upload);
  onAcknowledged();
  return upload;
}

/** A part that is there already is sent again with other bytes, now and then: the last one that was answered counts. */
async function sendPart(workload: Workload, upload: OpenUpload, number: number): Promise<void> {
  const { ledger, random } = workload;
  const part = upload.parts[number];
  if (part === undefined) {
    return;
  }
  if (part.acknowledged === null) {
    await putPart(workload, upload, number, part.planned);
  }
  if (random.fraction() < 0.3) {
    await putPart(workload, upload, number, ledger.newPiece(part.planned.sizeBytes));
  }
}

async function putPart(
  { glacier, vault, onAcknowledged }: Workload,
  upload: OpenUpload,
  number: number,
  piece: Piece,
): Promise<void> {
  const part = upload.parts[number];
  const bytes = bytesOf([piece]);
  const firstByte = number * upload.partSizeBytes;
  if (part === undefined) {
    return;
  }
  part.unanswered = piece;
  await glacier.demand({
    method: "PUT",
    path: `/-/vaults/${vault}/multipart-uploads/${upload.uploadId}`,
    headers: {
      "content-range": `bytes ${firstByte}-${firstByte + bytes.length - 1}/*`,
      "x-amz-sha256-tree-hash": treeHashOf(bytes),
    },
    body: bytes,
  });
  part.acknowledged = piece;
  part.unanswered = null;
  onAcknowledged();
}

export async function completeUpload(
  { glacier, vault, ledger, onAcknowledged }: Pick<Workload, "glacier" | "vault" | "ledger" | "onAcknowledged">,
  upload: OpenUpload,
): Promise<void> {
  const { sending } = upload;
  sending.pieces = upload.parts.map(({ acknowledged, planned }) => acknowledged ?? planned);
  const bytes = bytesOf(sending.pieces);
  upload.completing = true;
  const answer = await glacier.demand({
    method: "POST",
    path: `/-/vaults/${vault}/multipart-uploads/${upload.uploadId}`,
    headers: { "x-amz-archive-size": String(bytes.length), "x-amz-sha256-tree-hash": treeHashOf(bytes) },
  });
  ledger.uploads.delete(upload);
  ledger.markStored(sending, String(answer.headers["x-amz-archive-id"]));
  onAcknowledged();
}
