/**
 * Structured logs and metrics. No line holds a token, a password, a userName or an email (DESIGN §1): requests are
 * logged by route, ids and outcome, never by body, query or the detail of an error; stream records by sequence number.
 */

import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import {
  eventsNotPublishedMetric,
  metricNamespace,
  metricService,
  quotaNearlyUsedMetric,
} from "./metric-names.ts";

export interface RequestRecord {
  readonly requestId: string;
  readonly functionName: string;
  readonly method: string;
  /** The route's template, such as `/scim/v2/{connectionId}/Users`. */
  readonly resource: string;
  readonly connectionId: string | undefined;
  readonly status: number;
  /** `code` of a refusal (API.md §3), such as `quota_exceeded`. */
  readonly code: string | undefined;
  readonly durationMs: number;
}

export interface BatchRecord {
  /** Lambda's id of the invocation. */
  readonly requestId: string;
  readonly functionName: string;
  /** Stream records in the batch, the distinct items they name, and how many of those are done with. */
  readonly records: number;
  readonly items: number;
  readonly carried: number;
  /** Events that were published, and that the bus did not take; only where some are told. */
  readonly published?: number;
  readonly notPublished?: number;
  readonly durationMs: number;
}

export interface QuotaRecord {
  readonly projectId: string;
  /** Of seat: `users`, `reviewers` or `readers`. */
  readonly kind: string;
  readonly used: number;
  readonly quota: number;
}

export interface Log {
  request(record: RequestRecord): void;
  /** One batch of stream records. */
  batch(record: BatchRecord): void;
  /** Why the item of a stream record was not carried, in full. It is tried again, or parked. */
  carryFailure(sequenceNumber: string, cause: unknown, requestId: string): void;
  /** A seat was taken and few of its kind are left. */
  quotaNearlyUsed(record: QuotaRecord): void;
  /** A defect or an outage, in full. */
  failure(message: string, cause: unknown, requestId?: string): void;
  warn(message: string, cause: unknown): void;
}

export function createLog(): Log {
  const logger = new Logger({ serviceName: process.env["POWERTOOLS_SERVICE_NAME"] ?? "rollcall" });
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: metricService });
  return {
    request(record) {
      logger.info("request", { ...record });
      metrics.addDimension("function", record.functionName);
      metrics.addMetric("Requests", MetricUnit.Count, 1);
      metrics.addMetric("Duration", MetricUnit.Milliseconds, record.durationMs);
      if (record.status >= 500) {
        metrics.addMetric("ServerErrors", MetricUnit.Count, 1);
      } else if (record.status === 429) {
        metrics.addMetric("Throttled", MetricUnit.Count, 1);
      } else if (record.code === "quota_exceeded") {
        metrics.addMetric("QuotaRefusals", MetricUnit.Count, 1);
      }
      metrics.publishStoredMetrics();
    },
    batch(record) {
      logger.info("batch", { ...record });
      metrics.addDimension("function", record.functionName);
      metrics.addMetric("Records", MetricUnit.Count, record.records);
      metrics.addMetric("ItemsCarried", MetricUnit.Count, record.carried);
      metrics.addMetric("ItemsLeft", MetricUnit.Count, record.items - record.carried);
      metrics.addMetric("Duration", MetricUnit.Milliseconds, record.durationMs);
      metrics.publishStoredMetrics();
      if (record.notPublished) {
        metrics.singleMetric().addMetric(eventsNotPublishedMetric, MetricUnit.Count, record.notPublished);
      }
    },
    carryFailure(sequenceNumber, cause, requestId) {
      logger.error("carry_failed", {
        requestId,
        sequenceNumber,
        error: isRefusal(cause) ? { code: cause.code, cause: described(cause.cause) } : described(cause),
      });
    },
    quotaNearlyUsed({ projectId, kind, used, quota }) {
      logger.warn("quota_nearly_used", { projectId, kind, used, quota });
      // By itself, without the dimensions of the request that is under way.
      metrics.singleMetric().addMetric(quotaNearlyUsedMetric, MetricUnit.Count, 1);
    },
    failure(message, cause, requestId) {
      logger.error(message, { requestId, error: described(cause) });
    },
    warn(message, cause) {
      logger.warn(message, { error: described(cause) });
    },
  };
}

/** A refusal of our own tells whoever sent a request what is in the way, by name: neither its text nor its stack is for a log. */
function isRefusal(cause: unknown): cause is Error & { readonly code: string } {
  return cause instanceof Error && "code" in cause && "detail" in cause;
}

/**
 * What is known to hold no person's data: errors may carry their request, or the items that were in its way. Of those,
 * names, codes, messages and stacks are told, down to the first cause.
 */
function described(cause: unknown): Readonly<Record<string, unknown>> {
  if (!(cause instanceof Error)) {
    return { type: typeof cause };
  }
  const { code, $metadata, CancellationReasons } = cause as ErrorDetails;
  return {
    name: cause.name,
    message: cause.message,
    stack: cause.stack,
    ...(typeof code === "string" && { code }),
    ...($metadata !== undefined && {
      awsRequestId: $metadata.requestId,
      httpStatusCode: $metadata.httpStatusCode,
      attempts: $metadata.attempts,
    }),
    ...(CancellationReasons !== undefined && {
      cancellationCodes: CancellationReasons.map((reason) => reason.Code),
    }),
    ...(cause.cause !== undefined && { cause: described(cause.cause) }),
  };
}

/** What AWS SDK and Node put on their errors. */
interface ErrorDetails {
  readonly code?: unknown;
  readonly $metadata?: {
    readonly requestId?: string;
    readonly httpStatusCode?: number;
    readonly attempts?: number;
  };
  readonly CancellationReasons?: readonly { readonly Code?: string }[];
}
