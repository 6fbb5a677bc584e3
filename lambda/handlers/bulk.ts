import { bulkEndpoint } from "../http/bulk-endpoint.ts";
import { groupsEndpoint, groupsOf } from "../http/groups-endpoint.ts";
import { type LambdaFunction, lambdaFunction } from "../http/lambda-function.ts";
import { rootEndpoints } from "../http/lists.ts";
import { scimService } from "../http/scim-router.ts";
import { usersEndpoint, usersOf } from "../http/users-endpoint.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";

const service = scimService([
  bulkEndpoint([usersEndpoint, groupsEndpoint]),
  ...rootEndpoints((call) => [usersOf(call), groupsOf(call)]),
]);

/** The `bulk` function over a given runtime, for tests. */
export function createBulkHandler(runtime: Runtime): LambdaFunction {
  return lambdaFunction({ functionName: "bulk", dialect: "scim", runtime: () => runtime, service });
}

export const handler = lambdaFunction({
  functionName: "bulk",
  dialect: "scim",
  runtime: runtimeFromEnvironment,
  service,
});
