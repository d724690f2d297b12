import type { Bandwidth } from "@moraine/client/node";
import type { ByteRange } from "@moraine/protocol";
import { type Command, InvalidArgumentError } from "commander";
import { seconds, wholeNumber } from "../arguments/numbers.ts";
import { rate, size } from "../arguments/sizes.ts";

export interface PaceOptions {
  readonly concurrency?: number;
  readonly bwlimit?: number;
}

export function addPaceOptions(command: Command, what: "parts" | "ranges"): Command {
  return command
    .option("--concurrency <number>", `${what} under way at once (4)`, oneOrMore)
    .option("--bwlimit <rate>", "bytes a second at most, like 10MiB (no limit)", rate);
}

/** For the library. */
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
    "for the job at most: like 0, 15m or 6h; then exit 75 (no limit)",
    seconds,
  );
}

export const waitOf = ({ wait }: WaitOptions) => (wait === undefined ? {} : { waitMillisecondsMax: wait * 1000 });

/** `0-1048575`, both ends included. */
export function byteRange(text: string): ByteRange {
  const [, first, last] = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(text) ?? [];
  if (first === undefined || last === undefined || Number(first) > Number(last)) {
    throw new InvalidArgumentError("It must be like 0-1048575: the first and the last byte, counted from 0.");
  }
  return { firstByte: Number(first), lastByte: Number(last) };
}

/** `4MiB`: a size of which ranges are nodes of a tree. */
export function rangeSize(text: string): number {
  const bytes = size(text);
  if (bytes < 1024 ** 2 || !Number.isInteger(Math.log2(bytes))) {
    throw new InvalidArgumentError("It must be 1MiB times a power of two, like 4MiB.");
  }
  return bytes;
}

/** 64 hexadecimal digits. */
export function treeHash(text: string): string {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new InvalidArgumentError("It must have 64 hexadecimal digits, as moraine treehash prints them.");
  }
  return text.toLowerCase();
}

function oneOrMore(text: string): number {
  const number = wholeNumber(text);
  if (number < 1) {
    throw new InvalidArgumentError("It must be 1 or more.");
  }
  return number;
}
