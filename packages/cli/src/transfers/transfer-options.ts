import type { Bandwidth } from "@moraine/client/node";
import type { ByteRange } from "@moraine/protocol";
import { type Command, InvalidArgumentError } from "commander";
import { oneOrMore, seconds } from "../arguments/numbers.ts";
import { rate, size } from "../arguments/sizes.ts";

export interface PaceOptions {
  readonly concurrency?: number;
  readonly bwlimit?: number;
}

export function addPaceOptions(command: Command, what: "parts" | "ranges" | "files" | "archives"): Command {
  return command
    .option("--concurrency <number>", `number of ${what} at once (default: 4)`, oneOrMore)
    .option("--bwlimit <rate>", "maximum bytes a second, e.g. 10MiB (default: no limit)", rate);
}

/** Returns the options in the library's form. */
export async function paceOf({ concurrency, bwlimit }: PaceOptions): Promise<{
  readonly concurrency?: number;
  readonly bandwidth?: Bandwidth;
}> {
  const { Bandwidth } = await import("@moraine/client/node");
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(bwlimit !== undefined && { bandwidth: new Bandwidth(bwlimit) }),
  };
}

export interface WaitOptions {
  readonly wait?: number;
}

export function addWaitOption(command: Command): Command {
  return command.option(
    "--wait <duration>",
    "maximum time to wait for the job, e.g. 0, 15m, 6h; exits 75 when exceeded (default: no limit)",
    seconds,
  );
}

export const waitOf = ({ wait }: WaitOptions) => (wait === undefined ? {} : { waitMillisecondsMax: wait * 1000 });

/** Parses a range like `0-1048575`, which includes both bytes. */
export function byteRange(text: string): ByteRange {
  const [, first, last] = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(text) ?? [];
  if (first === undefined || last === undefined || Number(first) > Number(last)) {
    throw new InvalidArgumentError("Expected a range like 0-1048575: the first and the last byte, counted from 0.");
  }
  return { firstByte: Number(first), lastByte: Number(last) };
}

/** Parses a size like `4MiB`, whose ranges are nodes of a tree hash. */
export function rangeSize(text: string): number {
  const bytes = size(text);
  if (bytes < 1024 ** 2 || !Number.isInteger(Math.log2(bytes))) {
    throw new InvalidArgumentError("Expected 1MiB times a power of two, like 4MiB.");
  }
  return bytes;
}

/** Parses a tree hash: 64 hexadecimal digits. */
export function treeHash(text: string): string {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new InvalidArgumentError("Expected 64 hexadecimal digits, as moraine treehash prints them.");
  }
  return text.toLowerCase();
}
