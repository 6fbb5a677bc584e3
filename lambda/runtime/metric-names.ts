/** What alarms know our own metrics by: plain data. */

export const metricNamespace = "Rollcall";
/** Every metric has it as its dimension `service`. */
export const metricService = "rollcall";
export const quotaNearlyUsedMetric = "QuotaNearlyUsed";
/** Events that the bus did not take, whatever was tried; they are tried again with their batch. */
export const eventsNotPublishedMetric = "EventsNotPublished";
