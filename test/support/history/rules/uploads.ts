import { isDeepStrictEqual } from "node:util";
import { rootOf } from "../../content.ts";
import type { Content, Part } from "../calls.ts";
import { dayOver } from "../expiry.ts";
import type { Rule } from "../model.ts";
import { fault, type Possibility, refusal, success } from "../possibilities.ts";
import type { State, TimeSpan, Values } from "../state.ts";
import { addArchive, archiveAt, differenceOf, withId } from "./archives.ts";
import { inVault, invalid, notFound, unprovoked } from "./in-vault.ts";

// `open → completed`, `open → aborted`, `open → expired`: one of them, once. A repeated Complete gets the same archive.

type Upload = Values["upload"];
interface At {
  readonly vault: string;
  readonly archive: string;
}

const initiate: Rule<"InitiateMultipartUpload"> = (state, action, now) =>
  inVault(state, action, () => [
    success(
      () =>
        uploadAt(state, action) === undefined
          ? withUpload(state, action, { state: "open", partSizeBytes: action.partSizeBytes, parts: [], since: now })
          : fault("second archive", `${action.vault}/${action.archive} is an upload already`),
      unprovoked("the vault takes uploads"),
    ),
  ]);

const putPart: Rule<"UploadMultipartPart"> = (state, action, now) =>
  whileOpen(state, action, now, (upload) => {
    const { firstByte, sizeBytes, treeHash } = action;
    const others = upload.parts.filter((part) => part.firstByte !== firstByte);
    const parts = [...others, { firstByte, sizeBytes, treeHash }].sort(
      (left, right) => left.firstByte - right.firstByte,
    );
    return [success(() => withUpload(state, action, { ...upload, parts, since: now }), isOpen(action))];
  });

const complete: Rule<"CompleteMultipartUpload"> = (state, action, now) => {
  const upload = uploadAt(state, action);
  if (upload?.state === "completed") {
    return inVault(state, action, () => completions(state, action, upload, now));
  }
  return whileOpen(state, action, now, (open) => {
    const fits = isDeepStrictEqual(joined(open), { sizeBytes: action.sizeBytes, treeHash: action.treeHash });
    const completed = withUpload(state, action, { ...open, state: "completed", parts: [], since: now });
    return fits
      ? [
          success(
            (answer) => addArchive(completed, action, { content: action, id: answer?.archiveId ?? null }),
            isOpen(action),
          ),
        ]
      : [refusal(invalid, state, fault("changed bytes", "its parts are others at that time"))];
  });
};

/** An upload that was completed names its archive again, for a day, as long as it is not deleted. */
function completions(state: State, action: At & Content, { since }: Upload, now: TimeSpan): readonly Possibility[] {
  const archive = archiveAt(state, action);
  const gone = refusal(notFound, state, fault("undone deletion", "the archive of this upload was deleted"));
  if (archive?.state !== "live") {
    return [gone];
  }
  const again =
    differenceOf(action, archive, action) === undefined
      ? success(
          (answer) =>
            differenceOf(action, archive, answer?.archiveId === undefined ? {} : { id: answer.archiveId }) ??
            withId(state, action, archive, answer?.archiveId),
          fault("two outcomes", `upload ${action.vault}/${action.archive} was completed before`),
        )
      : refusal(invalid, state, fault("changed bytes", "it was completed with other bytes"));
  return dayOver(since, now) === "no" ? [again] : [again, gone];
}

const abort: Rule<"AbortMultipartUpload"> = (state, action, now) => {
  const upload = uploadAt(state, action);
  if (upload?.state === "aborted") {
    const again = success(() => state, fault("wrong refusal", "aborting an upload again succeeds"));
    return inVault(state, action, () => (dayOver(upload.since, now) === "no" ? [again] : [again, over(state, action)]));
  }
  return whileOpen(state, action, now, (open) => [
    success(() => withUpload(state, action, { ...open, state: "aborted", parts: [], since: now }), isOpen(action)),
  ]);
};

const listParts: Rule<"ListParts"> = (state, action, now) =>
  whileOpen(state, action, now, ({ parts }) => [
    success(
      (answer) =>
        answer === null || isDeepStrictEqual(answer.parts?.map(partOf), parts.map(partOf))
          ? state
          : fault("lost change", `its parts are at ${parts.map(({ firstByte }) => firstByte).join(", ") || "none"}`),
      isOpen(action),
    ),
  ]);

const findUpload: Rule<"FindUpload"> = (state, action, now) =>
  inVault(state, action, () => {
    const upload = uploadAt(state, action);
    const expired = upload?.state === "open" ? dayOver(upload.since, now) : "yes";
    return [
      success((answer) => {
        const isListed = answer?.uploads?.includes(action.archive);
        if (answer === null || expired === "perhaps" || isListed === (expired === "no")) {
          return state;
        }
        return isListed === true
          ? fault(
              upload === undefined ? "from nowhere" : "two outcomes",
              `it is ${upload?.state ?? "unknown"} at that time`,
            )
          : fault("lost change", `upload ${action.vault}/${action.archive} is open`);
      }, unprovoked("the vault can be listed")),
    ];
  });

function whileOpen(
  state: State,
  at: At,
  now: TimeSpan,
  possibilities: (upload: Upload) => readonly Possibility[],
): readonly Possibility[] {
  return inVault(state, at, () => {
    const upload = uploadAt(state, at);
    if (upload?.state !== "open") {
      return [over(state, at)];
    }
    const expired = dayOver(upload.since, now);
    const ended = withUpload(state, at, { ...upload, state: "expired", parts: [], since: now });
    return [...(expired === "yes" ? [] : possibilities(upload)), ...(expired === "no" ? [] : [over(ended, at)])];
  });
}

/** Null unless the parts follow each other, all but the last of them full. */
function joined({ parts, partSizeBytes }: Upload): Content | null {
  const isGapless = parts.every(
    ({ firstByte, sizeBytes }, number) =>
      firstByte === number * partSizeBytes && (sizeBytes === partSizeBytes || number === parts.length - 1),
  );
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const hashes = parts.map(({ treeHash }) => Buffer.from(treeHash, "hex"));
  return isGapless && parts.length > 0 ? { sizeBytes, treeHash: rootOf(hashes) } : null;
}

const partOf = ({ firstByte, sizeBytes, treeHash }: Part): Part => ({ firstByte, sizeBytes, treeHash });

const uploadAt = (state: State, { vault, archive }: At): Upload | undefined => state.get("upload", vault, archive);

const withUpload = (state: State, { vault, archive: name }: At, upload: Upload): State =>
  state.with("upload", { vault, name }, upload);

const over = (state: State, at: At) => {
  const upload = uploadAt(state, at);
  const reason = `upload ${at.vault}/${at.archive} ${upload === undefined ? "was never initiated" : `was ${upload.state} before`}`;
  return refusal(notFound, state, fault(upload === undefined ? "from nowhere" : "two outcomes", reason));
};

const isOpen = ({ vault, archive }: At) => fault("lost change", `upload ${vault}/${archive} is open`);

export const uploadRules = {
  InitiateMultipartUpload: initiate,
  UploadMultipartPart: putPart,
  CompleteMultipartUpload: complete,
  AbortMultipartUpload: abort,
  ListParts: listParts,
  FindUpload: findUpload,
};
