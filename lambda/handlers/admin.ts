import { adminService } from "../http/admin/service.ts";
import { type LambdaFunction, lambdaFunction } from "../http/lambda-function.ts";
import { type Runtime, runtimeFromEnvironment } from "../runtime/runtime.ts";

/** The `admin` function over a given runtime, for tests. */
export function createAdminHandler(runtime: Runtime): LambdaFunction {
  return lambdaFunction({
    functionName: "admin",
    dialect: "problem",
    runtime: () => runtime,
    service: adminService,
  });
}

export const handler = lambdaFunction({
  functionName: "admin",
  dialect: "problem",
  runtime: runtimeFromEnvironment,
  service: adminService,
});
