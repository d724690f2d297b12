import type { Verification } from "../verification.ts";

/** A server writes its row when it first starts. */
export async function checkInstallation({ rows, found }: Verification): Promise<void> {
  const [row] = await rows.select("SELECT count(*) AS count FROM installation", []);
  const count = Number(row?.["count"]);
  if (count !== 1) {
    found({ code: "database-damaged", message: `the table installation has ${count} rows instead of 1` });
  }
}
