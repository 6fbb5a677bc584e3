import { describe, expect, test } from "vitest";
import { type Resource, synthesize } from "./synthesized.ts";

const { service } = synthesize();
const responses = new Map<string, Resource["Properties"]>(
  Object.values(service.ofType("AWS::ApiGateway::GatewayResponse")).map(({ Properties }) => [
    Properties.ResponseType,
    Properties,
  ]),
);

const header = (type: string, name: string): string | undefined =>
  responses.get(type).ResponseParameters[`gatewayresponse.header.${name}`];

test("each type has the status that API.md §4 asks for", () => {
  expect(
    Object.fromEntries([...responses].map(([type, { StatusCode }]) => [type, Number(StatusCode)])),
  ).toEqual({
    DEFAULT_4XX: 400,
    UNAUTHORIZED: 401,
    ACCESS_DENIED: 403,
    EXPIRED_TOKEN: 403,
    INVALID_SIGNATURE: 403,
    WAF_FILTERED: 403,
    MISSING_AUTHENTICATION_TOKEN: 404,
    RESOURCE_NOT_FOUND: 404,
    REQUEST_TOO_LARGE: 413,
    UNSUPPORTED_MEDIA_TYPE: 415,
    QUOTA_EXCEEDED: 429,
    THROTTLED: 429,
    DEFAULT_5XX: 500,
    INTEGRATION_FAILURE: 503,
    INTEGRATION_TIMEOUT: 504,
  });
});

describe.each([...responses])("%s", (type, response) => {
  test("[2, 162] is a SCIM error whose status is the response's own", () => {
    const templates: Record<string, string> = response.ResponseTemplates;
    expect(Object.keys(templates).toSorted()).toEqual(["application/json", "application/scim+json"]);
    for (const template of Object.values(templates)) {
      const body = JSON.parse(template);
      expect(Object.keys(body).toSorted()).toEqual(["detail", "schemas", "status"]);
      expect(body.schemas).toEqual(["urn:ietf:params:scim:api:messages:2.0:Error"]);
      expect(body.status).toBe(response.StatusCode);
      expect(body.detail).toMatch(/^[A-Z].+/);
    }
    expect(header(type, "Content-Type")).toBe("'application/scim+json'");
  });

  test("repeats nothing of the request: its only variable is the request id", () => {
    const variables = JSON.stringify(response).match(/\$\w+(\.\w+)*|method\.request\S*/g) ?? [];
    expect(variables.filter((variable) => variable !== "$context.requestId")).toEqual([]);
  });
});

test("[1] 401 names the scheme", () => {
  expect(header("UNAUTHORIZED", "WWW-Authenticate")).toBe("'Bearer realm=\"Rollcall SCIM\"'");
});

test("[165] what is worth repeating says when, in whole seconds, and nothing else does", () => {
  const waits = [...responses.keys()].filter((type) => header(type, "Retry-After") !== undefined);
  expect(waits.toSorted()).toEqual([
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "QUOTA_EXCEEDED",
    "THROTTLED",
  ]);
  for (const type of waits) expect(header(type, "Retry-After")).toMatch(/^'[1-9]\d*'$/);
});
