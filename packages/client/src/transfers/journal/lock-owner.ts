import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { hasCode } from "../../error-code.ts";

/** The owner of a lock. A process id is meaningful only on its machine, and there only in its namespace. */
export interface LockOwner {
  readonly processId: number;
  /** The start time of the process, as its system counts it, since process ids are reused. Null if unknown. */
  readonly start: string | null;
  readonly host: string;
  /** The id of the installation. Host names do not suffice, since two hosts may have the same. Null if unknown. */
  readonly machineId: string | null;
  readonly bootId: string | null;
  readonly processNamespace: string | null;
}

export function thisProcess(): LockOwner {
  return {
    processId: process.pid,
    start: startOf(process.pid),
    host: hostname(),
    machineId: textOf("/etc/machine-id"),
    bootId: textOf("/proc/sys/kernel/random/boot_id"),
    processNamespace: linkOf("/proc/self/ns/pid"),
  };
}

/** Parses an owner. Null for another text, such as that of a lock that was not written completely. */
export function parseOwner(text: string): LockOwner | null {
  try {
    const owner: unknown = JSON.parse(text);
    const isOwner =
      typeof owner === "object" &&
      owner !== null &&
      "processId" in owner &&
      Number.isInteger(owner.processId) &&
      "host" in owner;
    return isOwner ? (owner as LockOwner) : null;
  } catch {
    return null;
  }
}

/** Returns the state of the owner. It is "unknown" on another machine, or in another container: only the lock's heartbeat shows it then. */
export function stateOf(owner: LockOwner): "running" | "ended" | "unknown" {
  const here = thisProcess();
  if (owner.bootId !== here.bootId) {
    return wasRestarted(owner, here) ? "ended" : "unknown";
  }
  // Host names are not compared if both have the same boot id: each container has its own name, and hosts are renamed.
  const isSameSystem = owner.bootId !== null || owner.host === here.host;
  return isSameSystem && owner.processNamespace === here.processNamespace ? stateOfProcess(owner) : "unknown";
}

/** Whether the owner's machine is this one and was restarted since. Never for containers, which may have been moved to another machine. */
function wasRestarted(owner: LockOwner, here: LockOwner): boolean {
  const isSameMachine = owner.machineId !== null && owner.machineId === here.machineId && owner.host === here.host;
  return isSameMachine && [owner, here].every(isOutsideContainers);
}

/** Whether the owner is in the initial namespace, which has this number on every Linux. */
function isOutsideContainers({ processNamespace }: LockOwner): boolean {
  return processNamespace === "pid:[4026531836]";
}

function stateOfProcess({ processId, start }: LockOwner): "running" | "ended" | "unknown" {
  const now = startOf(processId);
  if (now === null || start === null) {
    // A process with that id may be another one that was started later.
    return responds(processId) ? "unknown" : "ended";
  }
  return start === now ? "running" : "ended";
}

function startOf(id: number): string | null {
  const text = textOf(`/proc/${id}/stat`);
  if (text === null) {
    return null;
  }
  // The process name, in parentheses, may contain spaces. The start time is field 22, counted from the beginning.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // A zombie process has ended.
  return fields[0] === "Z" ? "ended" : (fields[19] ?? null);
}

function responds(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim() || null;
  } catch {
    return null;
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
