import type { ClientRequestArgs } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { http } from "./built-in.ts";

/** What one read of a socket takes. Node's own reads take 64 KiB, and all that follows each of them costs twice the CPU. */
const readBytes = 512 * 1024;

/**
 * Plain HTTP whose sockets read into one large piece of memory, again and again: the parser, whom they tell, has copied what it
 * wants by the time that it returns. Over TLS a read gives no more than a record, of 16 KiB.
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
