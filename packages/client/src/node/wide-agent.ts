import type { ClientRequestArgs } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { http } from "./built-in.ts";

/** The bytes of one read from a socket. With Node's own reads of 64 KiB, the work after each read takes twice the CPU time in all. */
const readBytes = 512 * 1024;

/**
 * Agent for plain HTTP whose sockets read into one large buffer each, and reuse it: the parser has copied the bytes by the time that it
 * returns. A read over TLS brings a record of at most 16 KiB, so a larger buffer would not help there.
 */
export class WideAgent extends http.Agent {
  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    const onread = {
      buffer,
      callback: (length: number) => {
        (socket as Socket).emit("data", buffer.subarray(0, length));
        return true;
      },
    };
    const socket = super.createConnection({ ...options, onread } as ClientRequestArgs, callback);
    return socket;
  }
}
