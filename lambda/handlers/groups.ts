import { groupsEndpoint } from "../http/groups-endpoint.ts";
import { type LambdaFunction, lambdaFunction } from "../http/lambda-function.ts";
import { scimService } from "../http/scim-router.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";

const service = scimService([groupsEndpoint]);

/** The `groups` function over a given runtime, for tests. */
export function createGroupsHandler(runtime: Runtime): LambdaFunction {
  return lambdaFunction({ functionName: "groups", dialect: "scim", runtime: () => runtime, service });
}

export const handler = lambdaFunction({
  functionName: "groups",
  dialect: "scim",
  runtime: runtimeFromEnvironment,
  service,
});
