import { discoveryEndpoints } from "../http/discovery-endpoints.ts";
import { health } from "../http/health.ts";
import { type LambdaFunction, lambdaFunction, type Service } from "../http/lambda-function.ts";
import { scimService } from "../http/scim-router.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";

const discovery = scimService(discoveryEndpoints);

const service: Service = (request, runtime) =>
  request.segments[0] === "healthz" ? health(request, runtime) : discovery(request, runtime);

/** The `discovery` function over a given runtime, for tests. */
export function createDiscoveryHandler(runtime: Runtime): LambdaFunction {
  return lambdaFunction({ functionName: "discovery", dialect: "scim", runtime: () => runtime, service });
}

export const handler = lambdaFunction({
  functionName: "discovery",
  dialect: "scim",
  runtime: runtimeFromEnvironment,
  service,
});
