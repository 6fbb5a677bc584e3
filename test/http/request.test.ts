import type { APIGatewayProxyEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { requestOf } from "../../lambda/http/request.ts";

function event(
  fields: Partial<APIGatewayProxyEvent> & { readonly wholePath?: string },
): APIGatewayProxyEvent {
  return {
    httpMethod: "GET",
    resource: "/scim/v2/{connectionId}/Users/{id}",
    path: "/scim/v2/c1/Users/u1",
    pathParameters: { connectionId: "c1", id: "u1" },
    headers: { Host: "api.example.com" },
    multiValueQueryStringParameters: null,
    body: null,
    isBase64Encoded: false,
    ...fields,
    requestContext: { requestId: "r1", path: fields.wholePath ?? "/scim/v2/c1/Users/u1" },
  } as unknown as APIGatewayProxyEvent;
}

describe("the base URL", () => {
  it.each([
    ["a custom domain without a base path", {}, "https://api.example.com"],
    [
      "the default endpoint: its stage",
      { wholePath: "/prod/scim/v2/c1/Users/u1" },
      "https://api.example.com/prod",
    ],
    [
      "a custom domain with a base path, which API Gateway leaves in `path`, too",
      { path: "/rollcall/scim/v2/c1/Users/u1", wholePath: "/rollcall/scim/v2/c1/Users/u1" },
      "https://api.example.com/rollcall",
    ],
    [
      "the fallback route, whatever slashes the client sent",
      {
        resource: "/scim/{proxy+}",
        pathParameters: { proxy: "v2/c1//Users/" },
        wholePath: "/prod/scim/v2/c1//Users/",
      },
      "https://api.example.com/prod",
    ],
  ])("%s", (_, fields, baseUrl) => {
    expect(requestOf(event(fields)).baseUrl).toBe(baseUrl);
  });
});

describe("the path", () => {
  it("is told by decoded segments without empty ones", () => {
    const fields = { resource: "/scim/{proxy+}", pathParameters: { proxy: "v2/c1//Schemas/urn%3Ax/" } };
    expect(requestOf(event(fields)).segments).toEqual(["scim", "v2", "c1", "Schemas", "urn:x"]);
  });
});

describe("a filter whose blanks arrive as +", () => {
  it.each([
    ['userName+eq+"a+b@x.example"', 'userName eq "a+b@x.example"'],
    [
      'displayName+eq+"say+\\"a+b\\"+c"+and+active+eq+true',
      'displayName eq "say+\\"a+b\\"+c" and active eq true',
    ],
    ['userName eq "a\\\\"+or+title+pr', 'userName eq "a\\\\" or title pr'],
  ])("%s", (sent, read) => {
    const parameters = { filter: [sent], attributes: ["a+b"] };
    expect(requestOf(event({ multiValueQueryStringParameters: parameters })).query).toEqual([
      ["filter", read],
      ["attributes", "a+b"],
    ]);
  });
});
