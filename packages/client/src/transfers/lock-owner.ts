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

/** "elsewhere" when nobody here can tell. */
export function stateOf(owner: LockOwner): "running" | "ended" | "elsewhere" {
  const here = thisProcess();
  if (owner.host !== here.host || owner.machineId !== here.machineId) {
    return "elsewhere";
  }
  if (owner.bootId !== here.bootId) {
    // The machine was started again, unless it is a container that may run on another one meanwhile.
    const isMachine = here.machineId !== null && [owner, here].every(isOutsideContainers);
    return isMachine ? "ended" : "elsewhere";
  }
  if (owner.processNamespace !== here.processNamespace) {
    return "elsewhere";
  }
  return isRunning(owner) ? "running" : "ended";
}

/** The first namespace of a system has this number on every Linux. */
function isOutsideContainers({ processNamespace }: LockOwner): boolean {
  return processNamespace === "pid:[4026531836]";
}

function isRunning({ processId, start }: LockOwner): boolean {
  const now = startOf(processId);
  return now === null ? answers(processId) : start === now;
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

function answers(id: number): boolean {
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
