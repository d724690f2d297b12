/** One line of the shim's record, with the bytes that follow it. */
export interface TraceEvent {
  readonly kind:
    | "create"
    | "write"
    | "truncate"
    | "sync-begin"
    | "sync-end"
    | "sync-failed"
    | "link"
    | "unlink"
    | "rename"
    | "mkdir"
    | "send"
    | "fault";
  readonly inode: number;
  /** The offset of a write, the length after a truncation, the number of a sync. */
  readonly number: number;
  readonly path: string;
  /** The bytes written; of a response its beginning; of a rename the old path. */
  readonly bytes: Buffer;
  /** Where the record of it ends in the trace. */
  readonly endOffset: number;
}

export function parseTrace(trace: Buffer): TraceEvent[] {
  const events: TraceEvent[] = [];
  for (let at = 0; at < trace.length; ) {
    const lineEnd = trace.indexOf(0x0a, at);
    const [kind, inode, number, length, ...path] = trace.toString("utf8", at, lineEnd).split(" ");
    const end = lineEnd + 1 + Number(length);
    events.push({
      kind: kind as TraceEvent["kind"],
      inode: Number(inode),
      number: Number(number),
      path: path.join(" "),
      bytes: trace.subarray(lineEnd + 1, end),
      endOffset: end,
    });
    at = end;
  }
  return events;
}
