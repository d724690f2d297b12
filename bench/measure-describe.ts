import { compare, type Figure } from "./compare.ts";
import { plainRequest } from "./requests.ts";
import { askForSeconds, type Stage, withConnections } from "./stage.ts";

const clients = 32;
const roundSeconds = 1.5;

/** Signed DescribeVault: what every request costs, its signature above all. */
export async function measureDescribe({ server, requests, bare }: Stage): Promise<Figure[]> {
  const vaults = Array.from({ length: clients }, (_, index) => `bench-${String(index).padStart(2, "0")}`);
  const describes = vaults.map((name) => requests.describeVault(name));
  const plain = plainRequest("GET", "/vault.json");
  const figure = await withConnections(server.port, clients, async (connections) => {
    for (const name of vaults) {
      await connections[0].expect(201, requests.createVault(name));
    }
    return withConnections(bare.port, clients, (others) =>
      compare({
        name: `signed DescribeVault, ${clients} clients`,
        unit: "requests",
        serverPid: server.pid,
        goal: 5000,
        run: () =>
          askForSeconds(connections, roundSeconds, (connection, index) =>
            connection.expect(200, describes[index] ?? []),
          ),
        references: [
          {
            name: "bare handler, unsigned",
            run: () => askForSeconds(others, roundSeconds, (connection) => connection.expect(200, plain)),
          },
        ],
      }),
    );
  });
  return [figure];
}
