import type { ClientRequest } from "node:http";

/**
 * Sends a request's body, each piece once the one before has been sent, and ends the request. Aborts it with the source's error, or when a
 * response arrives before the body's end, as a refusal may. Never rejects: the request emits the error.
 */
export async function sendPieces(
  sent: ClientRequest,
  pieces: AsyncIterable<Uint8Array>,
  { sizeBytes, timeoutMilliseconds }: { readonly sizeBytes: number; readonly timeoutMilliseconds: number },
): Promise<void> {
  let leftBytes = sizeBytes;
  const over = overBeforeItsEnd(sent, () => leftBytes > 0);
  try {
    for await (const piece of pieces) {
      leftBytes -= piece.length;
      waitForNetwork(sent, timeoutMilliseconds);
      // A request that is destroyed is closed only in a later turn of the event loop, but its writes end before.
      if (sent.destroyed || (await Promise.race([written(sent, piece), over])) === "over") {
        return;
      }
      waitForNetwork(sent, 0);
    }
    waitForNetwork(sent, timeoutMilliseconds);
    sent.end();
  } catch (error) {
    sent.destroy(error as Error);
  }
}

/** Limits how long the network may be silent. 0 sets no limit, for the time that the source takes: it may be slow or paced. */
function waitForNetwork({ socket }: ClientRequest, timeoutMilliseconds: number): void {
  // Before it is connected, another limit applies.
  if (socket?.connecting === false) {
    socket.setTimeout(timeoutMilliseconds);
  }
}

function written(sent: ClientRequest, piece: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  sent.write(piece, () => resolve()); // A failed write closes the request.
  return promise;
}

/** Resolves when no more of the body is to be sent: the connection is closed, or about to be, since it cannot be used again. */
function overBeforeItsEnd(sent: ClientRequest, isUnfinished: () => boolean): Promise<"over"> {
  const { promise, resolve } = Promise.withResolvers<"over">();
  sent.once("close", () => resolve("over"));
  sent.once("response", (response) => {
    if (isUnfinished()) {
      response.once("end", () => sent.destroy());
      resolve("over");
    }
  });
  return promise;
}
