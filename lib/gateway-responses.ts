import { ResponseType } from "aws-cdk-lib/aws-apigateway";

/**
 * What API Gateway says by itself, without asking a function, in SCIM: RFC 7644 §3.12 bodies, since an IdP shows or logs
 * nothing else ("Invalid JSON" is what an operator reads otherwise; idp-traffic.md).
 *
 * Gateway responses belong to the whole API, so callers of the admin API meet these bodies too, in place of its
 * problem+json. The status is right for both, and the details are written to be read by both.
 *
 * Every type that can occur without a custom authorizer, a request validator or an API key is listed with its status, for
 * a body has to state its status and a template cannot compute one. What AWS leaves untyped falls to the two defaults.
 */
export interface GatewayResponse {
  readonly type: ResponseType;
  readonly status: number;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** API Gateway's throttle is a token bucket that refills continuously, so a second later there is room again. */
const throttledRetryAfterSeconds = 1;
/** A function that timed out or could not be started: give scaling and DynamoDB a moment. Our choice. */
const unavailableRetryAfterSeconds = 5;
/** Usage plans count by day, week or month; none is deployed here. Our choice, for a team that adds one. */
const quotaRetryAfterSeconds = 3_600;

/** RFC 6750 §3; the realm is the one that the handlers name (`lambda/domain/refusals.ts`). */
const bearerChallenge = { "WWW-Authenticate": 'Bearer realm="Rollcall SCIM"' };

const retryAfter = (seconds: number): Readonly<Record<string, string>> => ({
  "Retry-After": String(seconds),
});

export const gatewayResponses: readonly GatewayResponse[] = [
  {
    type: ResponseType.DEFAULT_4XX,
    status: 400,
    detail:
      "The gateway could not read the request. Check the URL's encoding, the headers and the signature, if any.",
  },
  {
    type: ResponseType.UNAUTHORIZED,
    status: 401,
    detail: "Credentials are missing or not valid. Send the connection's token as a Bearer token.",
    headers: bearerChallenge,
  },
  {
    type: ResponseType.ACCESS_DENIED,
    status: 403,
    detail: "The caller's IAM policy does not allow execute-api:Invoke on this path of the admin API.",
  },
  {
    type: ResponseType.INVALID_SIGNATURE,
    status: 403,
    detail: "The AWS signature does not match the request. Sign for the service execute-api and this Region.",
  },
  {
    type: ResponseType.EXPIRED_TOKEN,
    status: 403,
    detail: "The AWS credentials have expired. Get new ones and sign the request again.",
  },
  {
    type: ResponseType.WAF_FILTERED,
    status: 403,
    detail: "The web application firewall in front of this service refused the request.",
  },
  {
    // AWS uses one type for two cases: no such path, and an unsigned request to a path that wants a signature.
    type: ResponseType.MISSING_AUTHENTICATION_TOKEN,
    status: 404,
    detail:
      "Nothing is served here. SCIM is under /scim/v2/{connectionId}; " +
      "the admin API under /admin/v1 answers only requests signed with AWS Signature Version 4.",
  },
  {
    type: ResponseType.RESOURCE_NOT_FOUND,
    status: 404,
    detail: "Nothing is served here. SCIM is under /scim/v2/{connectionId}.",
  },
  {
    type: ResponseType.REQUEST_TOO_LARGE,
    status: 413,
    detail:
      "The request is larger than the gateway takes (10 MB). Send fewer values or operations in a request.",
  },
  {
    type: ResponseType.UNSUPPORTED_MEDIA_TYPE,
    status: 415,
    detail:
      "The body cannot be read. Send application/scim+json or application/json, " +
      "not compressed or with the Content-Encoding that it really has.",
  },
  {
    type: ResponseType.THROTTLED,
    status: 429,
    detail: "Too many requests at once. Repeat the request after the time in Retry-After.",
    headers: retryAfter(throttledRetryAfterSeconds),
  },
  {
    type: ResponseType.QUOTA_EXCEEDED,
    status: 429,
    detail: "The usage plan's quota is used up. Repeat the request after the time in Retry-After.",
    headers: retryAfter(quotaRetryAfterSeconds),
  },
  {
    // No Retry-After: among these are a broken deployment and a defect, which do not go away in seconds.
    type: ResponseType.DEFAULT_5XX,
    status: 500,
    detail: "The service failed. Repeating the request does no harm. Request id: $context.requestId",
  },
  {
    type: ResponseType.INTEGRATION_FAILURE,
    status: 503,
    detail:
      "The service could not be reached. Repeating the request does no harm. Request id: $context.requestId",
    headers: retryAfter(unavailableRetryAfterSeconds),
  },
  {
    type: ResponseType.INTEGRATION_TIMEOUT,
    status: 504,
    detail: "The service took too long. Repeating the request does no harm. Request id: $context.requestId",
    headers: retryAfter(unavailableRetryAfterSeconds),
  },
];

/** RFC 7644 §3.1. */
export const scimMediaType = "application/scim+json";

const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error";

/** RFC 7644 §3.12: `status` is a string. `$context` variables inside the detail are filled in by API Gateway. */
export function scimErrorTemplate(response: GatewayResponse): string {
  return JSON.stringify({
    schemas: [errorSchema],
    status: String(response.status),
    detail: response.detail,
  });
}
