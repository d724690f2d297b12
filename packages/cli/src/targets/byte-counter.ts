import type { TransferEvent } from "@moraine/client/node";

/** Returns a listener that passes on the bytes of each event of progress, which has all of them. */
export function byteCounter(onBytes: (count: number) => void): (event: TransferEvent) => void {
  let counted = 0;
  return (event) => {
    if (event.kind === "progress" && event.transferredBytes > counted) {
      onBytes(event.transferredBytes - counted);
      counted = event.transferredBytes;
    }
  };
}
