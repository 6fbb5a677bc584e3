/** What a comparison finds (`compare.ts`), and what an operator can do about it. Ids alone tell who is meant: no names, no values. */

export const findingKinds = [
  "connection",
  "seats",
  "member",
  "claim",
  "pointer",
  "roster",
  "membership",
  "group",
  "group_name",
  "sync_failure",
  "link",
  "copy",
  "copied_group",
  "unreadable",
  "under_way",
] as const;
export type FindingKind = (typeof findingKinds)[number];

export interface Finding {
  readonly kind: FindingKind;
  readonly projectId: string;
  readonly connectionId: string | undefined;
  /** Of a member or a group as the admin API has it, or of a sync failure. */
  readonly resourceId: string | undefined;
  /** Both sides of what does not agree. */
  readonly what: string;
}

/** Whether it tells of something wrong, rather than of something that has not come to its end. */
export function isDifference({ kind }: Finding): boolean {
  return kind !== "under_way";
}

export function sameFinding(a: Finding, b: Finding): boolean {
  return (
    a.kind === b.kind &&
    a.projectId === b.projectId &&
    a.connectionId === b.connectionId &&
    a.resourceId === b.resourceId &&
    a.what === b.what
  );
}

/** One sentence. What each kind means, and its way out step by step: docs/runbook.md, "A comparison finds something". */
export function remedyFor(kind: FindingKind): string {
  switch (kind) {
    case "connection":
      return "Look in the activity trail for what made or deleted connections last, and correct the count by hand as the runbook shows.";
    case "seats":
      return "Correct the counter of one seat pool by hand as the runbook shows; setting the quota anew corrects shares alone.";
    case "member":
      return "Look in the activity trail for what changed the member last; a change of its type, status or role writes its row anew.";
    case "claim":
      return "Give the member another userName or email and then its own again, which writes both claims anew; where another member has the claim, rename that one first.";
    case "pointer":
      return "Let the identity provider send another value of that attribute and then the right one again, which writes the pointer anew.";
    case "roster":
      return "Correct the bit by hand as the runbook shows; until then lists and groups lack the member, or count one too many.";
    case "membership":
      return "See whether propagation is behind; if it is not, have the group's pages carried again as the runbook shows.";
    case "group":
      return "Let the identity provider push the group anew, which replaces all of its members, or correct its row by hand as the runbook shows.";
    case "group_name":
      return "Give the group another displayName and then its own again, which writes what it is found by anew.";
    case "sync_failure":
      return "Dismiss it; where its connection is gone it is shown to nobody, and goes with its project.";
    case "link":
      return "Delete the child connection and make it again; where the child itself is gone, remove the link by hand as the runbook shows.";
    case "copy":
      return "Let the identity provider change the user at the parent, which copies it anew; disabling SCIM at the parent and enabling it again copies everyone.";
    case "copied_group":
      return "Let the identity provider change the group at the parent, which copies it anew; disabling SCIM at the parent and enabling it again copies all groups.";
    case "unreadable":
      return "Something other than this version of the service wrote the item: find out what, and restore the item from a backup.";
    case "under_way":
      return "Nothing to do: compare again once it has come to its end; where it stays, see the runbook's section on propagation.";
  }
}
