/** A reason not to start, or not to go on, that the person at the keyboard can act on: printed as one line. */
export class LocalFailure extends Error {
  readonly exitCode: number;

  /** `exitCode` 2 is for a wrong command line or environment, 1 for everything else. */
  constructor(message: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = "LocalFailure";
    this.exitCode = exitCode;
  }
}

/** What went wrong, in one line, whatever was thrown. */
export function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // A connection refused on several addresses is an AggregateError with an empty message.
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
  const text = cause.message || code || cause.name;
  return text.split("\n", 1)[0] ?? cause.name;
}
