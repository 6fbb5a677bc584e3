/**
 * The one routes table. CDK builds the REST API from it, the local service and the tests dispatch by it.
 *
 * Every path takes `ANY`: which methods a resource has is the handler's business, so that a wrong one is answered 405
 * with a SCIM body instead of API Gateway's own 403. Paths that match nothing below `/scim` reach `fallback`, which
 * forgives doubled and trailing slashes and answers the rest 404.
 */

/** One deployed Lambda function each; the handler is `lambda/handlers/<name>.ts`. */
export const functionNames = ["users", "groups", "bulk", "discovery", "fallback", "admin"] as const;
export type FunctionName = (typeof functionNames)[number];

export interface Route {
  /** API Gateway resource path: `{name}` is one segment, `{name+}` the greedy rest. */
  readonly path: string;
  readonly method: "ANY" | "GET";
  readonly functionName: FunctionName;
  /** `iam`: SigV4 at the gateway. `none`: the handler checks the bearer token itself, or the path is public. */
  readonly authorization: "iam" | "none";
}

const scim = (path: string, functionName: FunctionName): Route => ({
  path: `/scim/v2/{connectionId}${path}`,
  method: "ANY",
  functionName,
  authorization: "none",
});

export const routes: readonly Route[] = [
  // The root: users and groups in one list.
  scim("", "bulk"),
  scim("/.search", "bulk"),
  scim("/Users", "users"),
  scim("/Users/{id}", "users"),
  scim("/Groups", "groups"),
  scim("/Groups/{id}", "groups"),
  scim("/Bulk", "bulk"),
  scim("/ServiceProviderConfig", "discovery"),
  scim("/Schemas", "discovery"),
  scim("/Schemas/{urn}", "discovery"),
  scim("/ResourceTypes", "discovery"),
  scim("/ResourceTypes/{name}", "discovery"),
  scim("/Me", "discovery"),
  { path: "/scim/{proxy+}", method: "ANY", functionName: "fallback", authorization: "none" },
  { path: "/admin/v1/{proxy+}", method: "ANY", functionName: "admin", authorization: "iam" },
  { path: "/healthz", method: "GET", functionName: "discovery", authorization: "none" },
];
