import { type Content, jobFailed, type ListedArchive } from "../calls.ts";
import { dayOver } from "../expiry.ts";
import type { Rule } from "../model.ts";
import { type Fault, fault, type Possibility, refusal, success } from "../possibilities.ts";
import type { State, TimeSpan, Values } from "../state.ts";
import { unlessDenied } from "./denials.ts";
import { inVault, notFound, unprovoked } from "./in-vault.ts";

type Archive = Values["archive"];
interface At {
  readonly vault: string;
  readonly archive: string;
}

const uploadArchive: Rule<"UploadArchive"> = (state, action) =>
  inVault(state, action, () => [
    success(
      (answer) => addArchive(state, action, { content: action, id: answer?.archiveId ?? null }),
      unprovoked("the vault takes archives"),
    ),
  ]);

/** A name stands for one archive. */
export function addArchive(
  state: State,
  at: At,
  { content, id }: { readonly content: Content; readonly id: string | null },
): State | Fault {
  if (archiveAt(state, at) !== undefined) {
    return fault("second archive", `${at.vault}/${at.archive} is an archive already`);
  }
  const { sizeBytes, treeHash } = content;
  return withArchive(state, at, { state: "live", id, sizeBytes, treeHash, deletedAt: null });
}

/** Deleting again succeeds, for a day at least. */
const deleteArchive: Rule<"DeleteArchive"> = (state, action, now) =>
  inVault(state, action, () => unlessDenied(state, action, now, deletions(state, action, now)));

function deletions(state: State, at: At, now: TimeSpan): readonly Possibility[] {
  const archive = archiveAt(state, at);
  const unknown = refusal(notFound, state, neverUploaded(at));
  if (archive === undefined) {
    return [unknown];
  }
  if (archive.state === "live") {
    const deleted: Archive = { ...archive, state: "deleted", deletedAt: now };
    return [success(() => withArchive(state, at, deleted), lost(at))];
  }
  const again = success(() => state, fault("wrong refusal", "deleting an archive again succeeds"));
  return archive.deletedAt === null || dayOver(archive.deletedAt, now) === "no" ? [again] : [again, unknown];
}

const findArchive: Rule<"FindArchive"> = (state, action) =>
  inVault(state, action, () => [
    success((answer) => {
      const listed = answer?.archives?.find(({ name }) => name === action.archive);
      return answer === null ? state : compareListed(state, action, listed);
    }, unprovoked("the vault can be listed")),
  ]);

function compareListed(state: State, at: At, listed: ListedArchive | undefined): State | Fault {
  const archive = archiveAt(state, at);
  if (listed === undefined) {
    return archive?.state === "live" ? lost(at) : state;
  }
  if (archive === undefined) {
    return neverUploaded(at);
  }
  return archive.state === "deleted"
    ? undone(at)
    : (differenceOf(at, archive, listed) ?? withId(state, at, archive, listed.id));
}

const readArchive: Rule<"ReadArchive"> = (state, action) =>
  inVault(state, action, () => reads(state, action, (archive) => withArchive(state, action, archive)));

/** Possibilities of a call that needs a live archive. */
export function reads(state: State, at: At, next: (archive: Archive) => State): readonly Possibility[] {
  const archive = archiveAt(state, at);
  return archive?.state === "live"
    ? [success((answer) => differenceOf(at, archive, answer ?? {}) ?? next(archive), lost(at))]
    : [withoutArchive(state, at, archive)];
}

/** A job whose archive is deleted before it has run fails. */
const withoutArchive = (state: State, at: At, archive: Archive | undefined): Possibility =>
  archive === undefined
    ? refusal(notFound, state, neverUploaded(at))
    : refusal([notFound, jobFailed], state, undone(at));

/** Undefined when all fields that were seen are right. */
export function differenceOf(
  at: At,
  expected: Content & { readonly id?: string | null },
  seen: Partial<Content> & { readonly id?: string },
): Fault | undefined {
  if (expected.id !== undefined && expected.id !== null && seen.id !== undefined && seen.id !== expected.id) {
    return fault("second archive", `${at.vault}/${at.archive} had another id before`);
  }
  const same =
    (seen.sizeBytes ?? expected.sizeBytes) === expected.sizeBytes &&
    (seen.treeHash ?? expected.treeHash) === expected.treeHash;
  return same ? undefined : fault("changed bytes", `${at.vault}/${at.archive} was stored with other bytes`);
}

export const archiveAt = (state: State, { vault, archive }: At): Archive | undefined =>
  state.get("archive", vault, archive);

export const withId = (state: State, at: At, archive: Archive, id: string | undefined): State =>
  withArchive(state, at, { ...archive, id: id ?? archive.id });

const withArchive = (state: State, { vault, archive: name }: At, archive: Archive): State =>
  state.with("archive", { vault, name }, archive);

const lost = ({ vault, archive }: At) => fault("lost archive", `archive ${vault}/${archive} is stored`);
const undone = ({ vault, archive }: At) => fault("undone deletion", `archive ${vault}/${archive} was deleted`);
const neverUploaded = ({ vault, archive }: At) =>
  fault("from nowhere", `no archive ${vault}/${archive} was made before`);

export const archiveRules = {
  UploadArchive: uploadArchive,
  DeleteArchive: deleteArchive,
  FindArchive: findArchive,
  ReadArchive: readArchive,
};
