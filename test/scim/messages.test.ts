import { describe, expect, it } from "vitest";
import { invalidFilter, notFound, RequestError, uniqueness } from "../../lambda/scim/error.ts";
import { errorBody, listResponse } from "../../lambda/scim/messages.ts";

const schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];

describe("errorBody", () => {
  it("[162] has the status as a string and the scimType of table 9", () => {
    expect(errorBody(invalidFilter("x"))).toEqual({
      schemas,
      status: "400",
      scimType: "invalidFilter",
      detail: "x",
    });
    expect(errorBody(uniqueness("x"))).toEqual({
      schemas,
      status: "409",
      scimType: "uniqueness",
      detail: "x",
    });
    expect(errorBody(notFound("x"))).toEqual({ schemas, status: "404", detail: "x" });
  });

  it("[162] leaves a scimType out where the status has none", () => {
    const body = (status: number, scimType: "sensitive" | "invalidValue") =>
      errorBody(new RequestError({ status, code: "c", detail: "x", scimType }));
    expect(body(403, "sensitive")).toHaveProperty("scimType", "sensitive");
    expect(body(403, "invalidValue")).not.toHaveProperty("scimType");
    expect(body(409, "invalidValue")).not.toHaveProperty("scimType");
  });
});

describe("listResponse", () => {
  it("[74, 75] always has Resources", () => {
    expect(listResponse({ totalResults: 0, startIndex: 7, itemsPerPage: 0, resources: [] })).toEqual({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
      totalResults: 0,
      startIndex: 7,
      itemsPerPage: 0,
      Resources: [],
    });
  });
});
