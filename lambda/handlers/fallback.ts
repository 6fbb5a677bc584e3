/** Paths under `/scim` that no route of API Gateway matches as they stand: forgiven where they can be, else 404. */

import { bulkEndpoint } from "../http/bulk-endpoint.ts";
import { discoveryEndpoints } from "../http/discovery-endpoints.ts";
import { groupsEndpoint, groupsOf } from "../http/groups-endpoint.ts";
import { type LambdaFunction, lambdaFunction } from "../http/lambda-function.ts";
import { rootEndpoints } from "../http/lists.ts";
import { scimService } from "../http/scim-router.ts";
import { usersEndpoint, usersOf } from "../http/users-endpoint.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";

const service = scimService([
  usersEndpoint,
  groupsEndpoint,
  bulkEndpoint([usersEndpoint, groupsEndpoint]),
  ...discoveryEndpoints,
  ...rootEndpoints((call) => [usersOf(call), groupsOf(call)]),
]);

/** The `fallback` function over a given runtime, for tests. */
export function createFallbackHandler(runtime: Runtime): LambdaFunction {
  return lambdaFunction({ functionName: "fallback", dialect: "scim", runtime: () => runtime, service });
}

export const handler = lambdaFunction({
  functionName: "fallback",
  dialect: "scim",
  runtime: runtimeFromEnvironment,
  service,
});
