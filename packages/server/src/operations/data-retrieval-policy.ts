import type { DataRetrievalRule } from "@moraine/protocol";
import { type RetrievalPolicy, readRetrievalPolicy } from "../domain/jobs/retrieval-policy.ts";
import type { AccountHandler } from "./context.ts";

/** Takes effect at once, for jobs that are not yet accepted: docs/wire.md#data-retrieval-policy */
export const setDataRetrievalPolicy: AccountHandler<"SetDataRetrievalPolicy"> = async (
  { metadata },
  { Policy },
  { key: { accountId, region } },
) => {
  await metadata.setRetrievalPolicy({ account: { accountId, region }, policy: readRetrievalPolicy(Policy) });
  return {};
};

export const getDataRetrievalPolicy: AccountHandler<"GetDataRetrievalPolicy"> = async (
  { metadata },
  _input,
  { key: { accountId, region } },
) => ({ Policy: { Rules: [ruleOf(await metadata.findRetrievalPolicy({ accountId, region }))] } });

function ruleOf(policy: RetrievalPolicy): DataRetrievalRule {
  return policy.strategy === "BytesPerHour"
    ? { BytesPerHour: policy.bytesPerHour, Strategy: policy.strategy }
    : { Strategy: policy.strategy };
}
