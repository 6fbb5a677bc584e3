/**
 * The caseless form by which userNames, emails and names are compared and kept unique (RFC 7644 §5 asks for more than
 * ASCII): NFKC, full case folding, NFKC. Folding is lower(upper(lower(c))) for each code point, without context, which
 * makes ß, ẞ and SS one, and the two lower-case sigmas. The Turkish dotless ı stays apart from i: it is another letter,
 * and Unicode's own folding leaves it too. Idempotent.
 */
export function foldCase(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  let folded = "";
  for (const character of text.normalize("NFKC")) folded += foldCharacter(character);
  return folded.normalize("NFKC");
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
