import { encoded } from "../prepared.ts";
import { hashRequest, packHead, packKey } from "./packed.ts";

// Values of statements whose columns hold bytes.

export const storedHead = encoded(packHead);
export const storedKey = encoded(packKey);
export const storedRequest = encoded(hashRequest);
