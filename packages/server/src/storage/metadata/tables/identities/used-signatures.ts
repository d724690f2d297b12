import { errors } from "@moraine/protocol";
import type { Changes } from "../../methods.ts";
import { rowsChanged } from "../../prepared.ts";

/** How many expired ones go with each that comes: more than come, so that only those are kept that still count. */
const expiredAtOnce = 10;

export const usedSignatureChanges = {
  async useSignature(db, { signature, expiresAt, now }) {
    await deleteExpired(db, { now, limit: expiredAtOnce });
    if ((await insertNew(db, { signature, expiresAt })) === 0) {
      throw errors.signatureUsed();
    }
  },
} satisfies Partial<Changes>;

const deleteExpired = rowsChanged((db, at: { now: number; limit: number }) =>
  db
    .deleteFrom("used_signatures")
    .where("signature", "in", (eb) =>
      eb
        .selectFrom("used_signatures")
        .select("signature")
        .where("expires_at", "<", at.now)
        .orderBy("expires_at")
        .limit(at.limit),
    ),
);

const insertNew = rowsChanged((db, use: { signature: Uint8Array; expiresAt: number }) =>
  db
    .insertInto("used_signatures")
    .values({ signature: use.signature, expires_at: use.expiresAt })
    .onConflict((conflict) => conflict.column("signature").doNothing()),
);
