import type { DamagedRow } from "../../domain/stores/metadata-store.ts";
import type { Finding } from "../finding.ts";

export const changedRow = ({ table, row }: DamagedRow): Finding => ({
  code: "row-changed",
  message: `a row of the table ${table} is not as it was stored: ${row}`,
});
