import { safeComponent, withSuffix } from "./safe-component.ts";
import { shortHash } from "./short-hash.ts";

/** Leaves 1 KiB for the target's folder, where the path of a file may have 4,096 bytes. */
const pathBytesMax = 3072;
const depthMax = 100;

/**
 * Returns a relative path, with "/" between components, that is safe on every file system: see safeComponent for each of them; "..", "." and
 * empty ones are left out, and a drive becomes a folder. A backslash is a character like others, and becomes "_": names of Windows programs
 * have "/" in its place since they were decoded. Never empty: a path of nothing gets the name `fallback`, an archive id.
 * Different paths may become equal; the same path always becomes the same, and a safe one stays as it is.
 *
 * At its top, names of Moraine's own files are changed.
 *
 * @param place `hasDocuments` is false where Moraine writes no manifest and its like, so that their names are free.
 */
export function safePath(path: string, fallback: string, { hasDocuments = true } = {}): string {
  const components = safeComponents(path);
  const [first = "unnamed", ...rest] = components.length > 0 ? components : safeComponents(fallback);
  const own = hasDocuments ? ownNames : ownFolderNames;
  return shortened([own.has(keyOf(first)) ? `_${first}` : first, ...rest]);
}

/** Equal for two paths that a file system takes for the same because it ignores case, normalises, or ignores invisible characters. */
export function pathKey(path: string): string {
  return path.split("/").map(keyOf).join("/");
}

/**
 * Returns the path with its date before its extension, and with the id as well, if one is given:
 * "a.txt" becomes "a (2019-03-01 101500).txt".
 */
export function distinctPath(path: string, createdAt: Date, archiveId: string | null): string {
  const cut = path.lastIndexOf("/") + 1;
  const time = Number.isNaN(createdAt.getTime())
    ? "undated"
    : createdAt.toISOString().slice(0, 19).replace("T", " ").replaceAll(":", "");
  const id = archiveId === null ? "" : ` ${safeId(archiveId)}`;
  return path.slice(0, cut) + withSuffix(path.slice(cut), ` (${time}${id})`);
}

/** Names at the top of a folder of copies that Moraine itself writes. */
const ownNames: ReadonlySet<string> = new Set(
  [".moraine", "FAILED.jsonl", "MANIFEST.jsonl", "MANIFEST.sig", "REPORT.html", "SHA256SUMS"].map(keyOf),
);

const ownFolderNames: ReadonlySet<string> = new Set([keyOf(".moraine")]);

function safeComponents(path: string): readonly string[] {
  return withoutMiddle(path)
    .split("/")
    .map((component) => safeComponent(component))
    .filter((component) => component !== "");
}

/** Bounds the work for a path that is far too long anyway. */
function withoutMiddle(path: string): string {
  const endLength = pathBytesMax * 2;
  return path.length <= 2 * endLength
    ? path
    : `${path.slice(0, endLength)}~${shortHash(path)}${path.slice(-endLength)}`;
}

/** Replaces the folders in the middle of a path that is too long or too deep by a hash of it, so that it stays distinct. */
function shortened(components: readonly string[]): string {
  const path = components.join("/");
  if (Buffer.byteLength(path) <= pathBytesMax && components.length <= depthMax) {
    return path;
  }
  const kept: string[] = [];
  const end = `~${shortHash(path)}/${components.at(-1)}`;
  let bytes = Buffer.byteLength(end);
  for (const component of components.slice(0, depthMax - 2)) {
    bytes += Buffer.byteLength(component) + 1;
    if (bytes > pathBytesMax) {
      break;
    }
    kept.push(component);
  }
  return [...kept, end].join("/");
}

/** Upper case after lower case, since each alone keeps some letters apart (ß and ẞ, K and the Kelvin sign) that some file systems fold. */
function keyOf(component: string): string {
  return component
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "")
    .normalize("NFD")
    .toLowerCase()
    .toUpperCase()
    .normalize("NFD");
}

/** An id of the service stays whole; one that is none is represented by its hash. */
function safeId(archiveId: string): string {
  return /^[\w-]{1,138}$/.test(archiveId) ? archiveId : shortHash(archiveId);
}
