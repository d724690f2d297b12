import { MultiBar } from "cli-progress";

/** Bars while something runs; on anything but a terminal, nothing. */
export interface Progress {
  bar(name: string, sizeBytes: number): (bytes: number) => void;
  /** Takes the bars away again. */
  stop(): void;
}

export function startProgress(): Progress {
  if (!process.stdout.isTTY) {
    return { bar: () => () => undefined, stop: () => undefined };
  }
  const bars = new MultiBar({
    stream: process.stdout,
    format: "  {name} {bar} {percentage} %",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    clearOnComplete: true,
  });
  return {
    bar(name, sizeBytes) {
      const bar = bars.create(sizeBytes, 0, { name });
      return (bytes) => bar.increment(bytes);
    },
    stop: () => bars.stop(),
  };
}
