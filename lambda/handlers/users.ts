import { type LambdaFunction, lambdaFunction } from "../http/lambda-function.ts";
import { scimService } from "../http/scim-router.ts";
import { usersEndpoint } from "../http/users-endpoint.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";

const service = scimService([usersEndpoint]);

/** The `users` function over a given runtime, for tests. */
export function createUsersHandler(runtime: Runtime): LambdaFunction {
  return lambdaFunction({ functionName: "users", dialect: "scim", runtime: () => runtime, service });
}

export const handler = lambdaFunction({
  functionName: "users",
  dialect: "scim",
  runtime: runtimeFromEnvironment,
  service,
});
