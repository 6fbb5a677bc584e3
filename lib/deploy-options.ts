import { RetentionDays } from "aws-cdk-lib/aws-logs";
import * as z from "zod";

/**
 * What a deployment may choose, given as CDK context under the prefix `rollcall:`, on the command line
 * (`-c rollcall:alarmEmail=ops@example.com`) or in cdk.json. docs/deploy.md has the table for readers.
 */
export interface DeployOptions {
  /** Begins the names of both stacks; a second deployment in the same account and Region needs another. */
  readonly stackPrefix: string;
  /** First segment of the default endpoint's URLs. */
  readonly stageName: string;
  readonly logRetentionDays: RetentionDays;
  /** Requests per second the API takes from all callers together. */
  readonly throttleRatePerSecond: number;
  /** Requests it takes at once above that. */
  readonly throttleBurst: number;
  readonly alarmEmail?: string | undefined;
  /** Use this table instead of the data stack's: the way back from a restored backup. */
  readonly tableName?: string | undefined;
  /** `existing` where the account's API Gateway log role has been set by somebody else. */
  readonly logRole: "create" | "existing";
}

/** A log group takes only these (CloudWatch Logs API reference, PutRetentionPolicy). */
const retentionDays = Object.values(RetentionDays).filter((value) => typeof value === "number");

const wholeNumber = z.coerce.number().int().positive();

const optionsSchema = z.strictObject({
  /** CloudFormation's rule for stack names, with room for the longer suffix. */
  stackPrefix: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,100}$/)
    .default("Rollcall"),
  /** API Gateway's rule for stage names. */
  stageName: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/)
    .default("prod"),
  /** A month: long enough to look into last week's sync. The audit trail of changes is in the table, not in the logs. */
  logRetentionDays: wholeNumber
    .refine((days) => retentionDays.includes(days), {
      error: `must be one of CloudWatch's periods: ${retentionDays.join(", ")}`,
    })
    .default(RetentionDays.ONE_MONTH),
  /** Five times what one connection must sustain (DESIGN §2: 100 creates a second). */
  throttleRatePerSecond: wholeNumber.default(500),
  throttleBurst: wholeNumber.default(1_000),
  alarmEmail: z.email().optional(),
  /** DynamoDB's rule for table names. */
  tableName: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{3,255}$/)
    .optional(),
  logRole: z.enum(["create", "existing"]).default("create"),
});

const prefix = "rollcall:";

/** Reads the options out of the app's context; throws an Error of one line per option that is unknown or wrong. */
export function readDeployOptions(context: Readonly<Record<string, unknown>>): DeployOptions {
  const given = Object.entries(context)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  const parsed = optionsSchema.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${prefix}${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`The deployment's options are wrong (see docs/deploy.md):\n${lines.join("\n")}`);
  }
  return parsed.data;
}
