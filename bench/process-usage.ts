import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

/** Seconds of CPU, each counted from some moment in the past: only differences mean anything. */
export interface CpuTimes {
  /** CPU time of the server's threads; null where the system does not report it. */
  readonly server: number | null;
  /** CPU time of the thread that runs the server's event loop. */
  readonly serverMain: number | null;
  /** CPU time of this process, which plays the clients. */
  readonly client: number;
  /** CPU time of everything on the machine. */
  readonly machine: number;
}

const ticksPerSecond = 100;

export function cpuTimes(pid: number): CpuTimes {
  const { user, system } = process.cpuUsage();
  return {
    server: processSeconds(pid),
    serverMain: mainSeconds(pid),
    client: (user + system) / 1e6,
    machine: busySeconds(),
  };
}

/** The most memory that a process has held since `forgetPeak`, in bytes; null where the system does not tell. */
export function peakBytes(pid: number): number | null {
  const kibibytes = /VmHWM:\s+([0-9]+) kB/.exec(read(pid, "status") ?? "")?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}

export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // Then the peak is that of the process's whole life.
  }
}

function processSeconds(pid: number): number | null {
  // The name, in parentheses, may hold anything; the fields behind it are numbers.
  const fields = read(pid, "stat")?.split(") ").at(-1)?.split(" ");
  return fields === undefined ? null : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function mainSeconds(pid: number): number | null {
  const text = read(pid, `task/${pid}/schedstat`);
  return text === null ? null : Number(text.split(" ")[0]) / 1e9;
}

function busySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}

function read(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return null;
  }
}
