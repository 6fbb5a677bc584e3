/** The environment variable with the ARN of the bus that events are published to; without it none are. */
export const eventBusVariable = "EVENT_BUS_ARN";
