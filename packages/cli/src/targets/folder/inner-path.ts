import { reservedNames } from "../target.ts";

/**
 * Throws unless each name of the path stays within its folder and is none of the documents. Paths come from the catalogue, which makes them
 * safe; this is the last door before the disk.
 */
export function assertInnerPath(path: string, reserved: readonly string[] = reservedNames): void {
  const names = path.split("/");
  const isInner = names.every((name) => name !== "" && name !== "." && name !== ".." && !/[\0\\]/.test(name));
  const isReserved = reserved.some((name) => name.toLowerCase() === names[0]?.toLowerCase());
  if (!isInner || isReserved) {
    throw new Error(
      `Invalid path in a target ${JSON.stringify(path)}: expected names separated by slashes, none reserved`,
    );
  }
}
