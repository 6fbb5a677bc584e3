import type { Quotas } from "./seats.ts";

/** One tenant of the team's product. */
export interface Project {
  readonly id: string;
  readonly name: string;
  /** As asked for; what enforces them are the shares of the seat pools, changed in the same transaction. */
  readonly quotas: Quotas;
  readonly connectionCount: number;
  /** Children it has ever had among its connections: the numbers of a gone one's users are not given to another's. */
  readonly inheritanceCount: number;
  /** Being removed: it is gone to everyone, and its items are going. */
  readonly deleting: boolean;
  /** Once it is being removed: every member number it gave out lies below this. */
  readonly numbersBelow: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly revision: number;
}
