/** docs/troubleshooting.md out of the scenes that were played. */

import type { Scene } from "./scene.ts";

/** Where something is seen: in the IdP's log, in the list of sync failures, or in the product. */
export type Place = "IdP" | "sync failure" | "product";

export interface Trouble {
  /** Words, blanks and commas alone: its anchor is made of it. */
  readonly title: string;
  /** What is seen of it and where. Whatever stands in backquotes occurs in the section. */
  readonly seen: readonly (readonly [Place, string])[];
  /** Of the connection it is played with. */
  readonly connection?: Readonly<Record<string, unknown>>;
  /** Whether it has changes carried by the stream's handlers. */
  readonly isCarried?: true;
  /** That of its neighbours, or it stands by itself. */
  readonly chapter?: Chapter;
  play(scene: Scene): Promise<void>;
}

/** Troubles that need the same to be told first. */
export interface Chapter {
  readonly title: string;
  /** Markdown, its lines broken. */
  readonly introduction: string;
}

const head = `# Troubleshooting

What goes wrong between an identity provider and the product, what each side is told, and the way out, walked to its good end.

<!-- Made by test/docs: every request below was sent to the real handlers and answered as shown.
     Change the scenes there, then: npx vitest run test/docs -u -->

\`IdP\` is what the identity provider sends, below its SCIM base URL; \`admin\` what the product or you send, where \`…\` stands for
\`/admin/v1/projects/{p}\`. Bodies are cut to what tells: no \`schemas\`, \`isTeamAccount\` without the URN before it, a PATCH as its
operations. \`{c}\` is the connection's id, \`{ada}\` Ada's. Whatever it is:

- **Ask \`GET …/sync-failures\` first.** It lists what could not be provisioned and has not succeeded since: why (\`reason\`), what the IdP was
  answered (\`detail\`), what to do (\`remedy\`). An entry closes by itself when the same user or group is next provisioned.
- **Mend the cause, then let the IdP send it again**: Okta, "Retry selected" under Tasks, or unassign and assign; for a group "Push now".
  Entra, "Provision on demand", or the next cycle. A refused request has changed nothing, and repeating one does no harm. What a project inherits
  nobody has to send again: [Projects that inherit](#projects-that-inherit).
- **Delete nothing that is in the way** before you know what it is: role and access of an unmanaged member are gone with it.`;

export interface Section {
  readonly trouble: Trouble;
  readonly markdown: string;
}

export function pageOf(sections: readonly Section[]): string {
  const rows = sections
    .map(({ trouble: { title, seen } }) => {
      const cells = places.map((place) =>
        seen.flatMap(([where, what]) => (where === place ? [what] : [])).join("; "),
      );
      return { status: statusIn(cells[0]!), row: `| ${cells.join(" | ")} | [${title}](#${anchor(title)}) |` };
    })
    .toSorted((a, b) => a.status - b.status)
    .map(({ row }) => row);
  const table = [
    "| the IdP is answered | the sync failure's `reason` | the product shows | section |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
  return `${[head, "## What you see", table, ...chaptersOf(sections)].join("\n\n")}\n`;
}

function chaptersOf(sections: readonly Section[]): readonly string[] {
  return sections.flatMap(({ trouble: { title, chapter }, markdown }, index) => {
    const isOpened = chapter === sections[index - 1]?.trouble.chapter;
    return [
      ...(chapter === undefined || isOpened ? [] : [`## ${chapter.title}\n\n${chapter.introduction}`]),
      `${chapter === undefined ? "##" : "###"} ${title}\n\n${markdown}`,
    ];
  });
}

const places: readonly Place[] = ["IdP", "sync failure", "product"];

/** By which the table is sorted; what the IdP does not see comes last. */
function statusIn(what: string): number {
  const status = Number.parseInt(what, 10);
  return Number.isNaN(status) ? Number.POSITIVE_INFINITY : status;
}

/** As GitHub makes them of a heading. */
export function anchor(title: string): string {
  return title.toLowerCase().replaceAll(",", "").replaceAll(" ", "-");
}
