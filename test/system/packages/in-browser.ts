import { createClient, type GlacierClient, TreeHash } from "@moraine/client";

const client: GlacierClient = createClient({
  region: "us-east-1",
  credentials: { accessKeyId: "AKIA", secretAccessKey: "…" },
  endpoint: location.origin,
});
const { VaultList } = await client.listVaults();
document.body.textContent = VaultList.map(({ VaultName }) => VaultName).join();
export const empty: string = await new TreeHash().digest();
