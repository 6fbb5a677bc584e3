import { combiningMarksMax } from "./limits.ts";

/**
 * The caseless form by which userNames, emails and names are compared and kept unique (RFC 7644 §5 asks for more than
 * ASCII): NFKC, full case folding, NFKC. Folding is lower(upper(lower(c))) for each code point, without context, which
 * makes ß, ẞ and SS one, and the two lower-case sigmas. The Turkish dotless ı stays apart from i: it is another letter,
 * and Unicode's own folding leaves it too. Idempotent. Time linear in the text.
 */
export function foldCase(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  let folded = "";
  for (const character of normalize(text)) folded += foldCharacter(character);
  return normalize(folded);
}

/**
 * NFKC, but for a text with more combining marks in a row than any language writes: sorting n of them takes ICU n² steps,
 * 17 seconds for 120,000. It stays as it is.
 */
function normalize(text: string): string {
  let marks = 0;
  for (const character of text) {
    marks = isCombining(character) ? marks + 1 : 0;
    if (marks > combiningMarksMax) return text;
  }
  return text.normalize("NFKC");
}

/** U+FF9E and U+FF9F are letters by category, but NFKC makes marks of them. */
function isCombining(character: string): boolean {
  return (
    character >= "\u0300" && (/^\p{M}/u.test(character) || character === "\uff9e" || character === "\uff9f")
  );
}

function foldCharacter(character: string): string {
  return character === "ı" ? character : character.toLowerCase().toUpperCase().toLowerCase();
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7f) return false;
  }
  return true;
}
