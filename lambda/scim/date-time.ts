/**
 * xsd:dateTime (RFC 7643 §2.3.5), such as `2011-05-13T04:42:34.5Z` or `2011-05-13T06:42:34+02:00` → milliseconds since
 * 1970, fractions kept. Without an offset it is taken as UTC. Undefined when it is no date with a time.
 */
export function parseDateTime(text: string): number | undefined {
  if (text.length > dateTimeLengthMax) return undefined;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2)];
  const [hour, minute, second] = [digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2)];
  const separators = text[4]! + text[7] + text[10] + text[13] + text[16];
  if (separators !== "--T::" && separators !== "--t::") return undefined;
  if (year === undefined || month === undefined || day === undefined) return undefined;
  if (hour === undefined || minute === undefined || second === undefined) return undefined;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;

  const fractionEnd = endOfFraction(text, 19);
  if (fractionEnd === undefined) return undefined;
  const offsetMinutes = parseOffset(text.slice(fractionEnd));
  if (offsetMinutes === undefined) return undefined;
  const fraction = fractionEnd === 19 ? 0 : Number(`0${text.slice(19, fractionEnd)}`);
  const date = new Date(0); // Date.UTC would read years below 100 as 19xx
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute - offsetMinutes, second, 0);
  return date.getTime() + fraction * 1000;
}

/** Far beyond any precision in use. */
const dateTimeLengthMax = 64;

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function endOfFraction(text: string, from: number): number | undefined {
  if (text[from] !== ".") return from;
  let end = from + 1;
  while (digits(text, end, 1) !== undefined) end++;
  return end === from + 1 ? undefined : end;
}

function parseOffset(text: string): number | undefined {
  if (text === "" || text === "Z" || text === "z") return 0;
  const sign = text[0] === "+" ? 1 : text[0] === "-" ? -1 : undefined;
  const [hours, minutes] = [digits(text, 1, 2), digits(text, 4, 2)];
  if (sign === undefined || text.length !== 6 || text[3] !== ":") return undefined;
  if (hours === undefined || minutes === undefined || hours > 14 || minutes > 59) return undefined;
  return sign * (hours * 60 + minutes);
}

function digits(text: string, from: number, count: number): number | undefined {
  let value = 0;
  for (let at = from; at < from + count; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    value = value * 10 + digit;
  }
  return value;
}
