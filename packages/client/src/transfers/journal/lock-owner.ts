import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Who holds a lock. Ids of processes count only on their machine, and there in their namespace. */
export interface LockOwner {
  readonly processId: number;
  /** When it began, as its system counts, for ids of processes are used again. Null where nobody says. */
  readonly start: string | null;
  readonly host: string;
  /** Of the system, not of its host's name: a host may be started again, and two may have one name. Null where nobody says. */
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

/** Null for what is no owner, as a lock that was never written to its end. */
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

/** "unknown" when only the lock's heartbeat can tell: of another machine, or of another container of this one. */
export function stateOf(owner: LockOwner): "running" | "ended" | "unknown" {
  const here = thisProcess();
  if (owner.bootId !== here.bootId) {
    return wasRestarted(owner, here) ? "ended" : "unknown";
  }
  // One start of one system: the names of its hosts do not matter, for each container has its own, and hosts are renamed.
  const isSameSystem = owner.bootId !== null || owner.host === here.host;
  return isSameSystem && owner.processNamespace === here.processNamespace ? stateOfProcess(owner) : "unknown";
}

/** Whether the owner's machine is this one, started again since. A container may run on another machine meanwhile. */
function wasRestarted(owner: LockOwner, here: LockOwner): boolean {
  const isSameMachine = owner.machineId !== null && owner.machineId === here.machineId && owner.host === here.host;
  return isSameMachine && [owner, here].every(isOutsideContainers);
}

/** The first namespace of a system has this number on every Linux. */
function isOutsideContainers({ processNamespace }: LockOwner): boolean {
  return processNamespace === "pid:[4026531836]";
}

function stateOfProcess({ processId, start }: LockOwner): "running" | "ended" | "unknown" {
  const now = startOf(processId);
  if (now === null || start === null) {
    // A process with that id may be another one, which was started later.
    return responds(processId) ? "unknown" : "ended";
  }
  return start === now ? "running" : "ended";
}

function startOf(id: number): string | null {
  const text = textOf(`/proc/${id}/stat`);
  if (text === null) {
    return null;
  }
  // The name, in parentheses, may hold anything; field 22 counts from the first.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // One that has ended but was not waited for holds nothing any more.
  return fields[0] === "Z" ? "ended" : (fields[19] ?? null);
}

function responds(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
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
