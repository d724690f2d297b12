import { connect, type Socket } from "node:net";
import { constants, setPriority } from "node:os";

// Sends one signed request repeatedly, at the given rate, whether or not the server keeps up: the server's port, the client's address,
// the number of connections, requests a second, and the request. A request for which no connection is free is left out, as from a
// client that waits. Prints its counts each second.

const [port = "", localAddress = "", connections = "", perSecond = "", request = ""] = process.argv.slice(2);
const tickMilliseconds = 5;
const reopenMilliseconds = 100;

// Its own work must not slow down the machine for those whose requests are measured.
setPriority(constants.priority.PRIORITY_LOW);

const idle = new Set<Socket>();
let counts = { due: 0, sent: 0, served: 0, refused: 0 };

function open(): void {
  const socket = connect({ port: Number(port), host: "127.0.0.1", localAddress, noDelay: true });
  socket.on("error", () => undefined);
  socket.once("connect", () => idle.add(socket));
  socket.on("data", (bytes: Buffer) => {
    counts[bytes.toString("latin1", 9, 12) === "200" ? "served" : "refused"] += 1;
    idle.add(socket);
  });
  socket.once("close", () => {
    idle.delete(socket);
    setTimeout(open, reopenMilliseconds);
  });
}

for (let index = 0; index < Number(connections); index += 1) {
  open();
}

let last = performance.now();
setInterval(() => {
  const now = performance.now();
  let due = Math.round(((now - last) * Number(perSecond)) / 1000);
  last = now;
  counts.due += due;
  for (const socket of idle) {
    if (due <= 0) {
      break;
    }
    due -= 1;
    idle.delete(socket);
    socket.write(request);
    counts.sent += 1;
  }
}, tickMilliseconds);

setInterval(() => {
  console.log(JSON.stringify(counts));
  counts = { due: 0, sent: 0, served: 0, refused: 0 };
}, 1000);
