import { version } from "../runtime/version.ts";
import type { Service } from "./lambda-function.ts";

/** `GET /healthz`: the function runs. Without credentials, without a look at the table. */
export const health: Service = async () => ({
  status: 200,
  headers: { "Content-Type": "application/json" },
  body: { status: "ok", version },
});
