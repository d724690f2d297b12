import { readFileSync } from "node:fs";
import { secondsPer } from "@moraine/protocol";
import type { ReplyLimits } from "../wire/respond.ts";
import type { BodyLimits } from "./pace.ts";
import type { StrangerLimits } from "./stranger-pace.ts";

/** Bounds on what clients may take of the server. */
export interface HttpLimits extends BodyLimits, ReplyLimits {
  /** The memory of all bodies that are read before anything is done, JSON in the main. */
  readonly bufferedBytesMax: number;
  readonly connectionsMax: number;
  /** For each IPv4 address or IPv6 network of 64 bits, unless it is a trusted proxy. */
  readonly connectionsPerAddressMax: number;
  /** How long a connection without a place is kept, so that its request can be refused. */
  readonly turnedAwaySeconds: number;
  /** Requests of each client whose caller is not known: pages, and those that are refused before their signature is verified. */
  readonly strangers: StrangerLimits;
  /** Then the connection is closed, so that a client's place is given away from time to time. */
  readonly requestsPerConnectionMax: number;
}

const mebibyte = 1024 ** 2;

/** Limits that no flag changes. */
export const httpLimits = {
  stallSeconds: 30,
  bytesPerSecondMin: 1024,
  durationSecondsMax: secondsPer.day,
  sendStallSeconds: 60,
  drainBytesMax: 5 * 1024 ** 3,
  drainSecondsMax: 30,
  bufferedBytesMax: 8 * mebibyte,
  turnedAwaySeconds: 5,
  requestsPerConnectionMax: 1000,
  strangers: { burst: 500, perSecond: 200 },
} as const;

export const failureLimits = { burst: 100, perSecond: 1 };

/** More would take too much memory, whatever the system allows. */
const connectionsMost = 2048;
/** Databases, logs, segments that are read (up to 128 are kept open), outgoing connections, and some to spare. */
const ownDescriptors = 256;
/** An upload has its socket and its file, opened twice. */
const descriptorsPerConnection = 3;

/** As many connections as the process has descriptors for. */
export function connectionsMax(descriptorsMax: number = readDescriptorLimit()): number {
  const affordable = Math.floor((descriptorsMax - ownDescriptors) / descriptorsPerConnection);
  return Math.min(connectionsMost, Math.max(16, affordable));
}

/** The soft limit of open files. Other systems than Linux have no such file: there the most common limit holds. */
function readDescriptorLimit(): number {
  try {
    const [, soft = ""] = /^Max open files +(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return 1024;
  }
}
