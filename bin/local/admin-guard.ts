import type { GatewayRequest } from "./gateway.ts";

/**
 * Why a request may not use the local admin API, or undefined when it may.
 *
 * The local admin API takes no credentials, so it must not be open to what merely reaches the port: a web page that
 * posts to it (foreign `Origin`), a page whose name was rebound to 127.0.0.1 (foreign `Host`), or whoever comes
 * through a tunnel that was opened to let an IdP in (forwarding headers, or that tunnel's `Host`).
 */
export function refuseForeignAdminRequest(request: GatewayRequest): string | undefined {
  if (!isLoopbackAddress(request.sourceIp))
    return `the request comes from ${request.sourceIp}, not from this machine`;

  const hosts = valuesOf(request, "host");
  const host = hosts[0];
  if (host === undefined || hosts.length > 1 || !isLoopbackName(withoutPort(host))) {
    return `its Host is ${quote(hosts)}, not localhost, 127.0.0.1 or [::1]`;
  }
  const origins = valuesOf(request, "origin");
  if (origins.some((origin) => origin.toLowerCase() !== `http://${host.toLowerCase()}`)) {
    return `its Origin is ${quote(origins)}, not the server's own`;
  }
  if (valuesOf(request, "forwarded").length > 0 || valuesOf(request, "x-forwarded-for").length > 0) {
    return "it was forwarded by a proxy or tunnel";
  }
  return undefined;
}

function valuesOf(request: GatewayRequest, lowerCaseName: string): string[] {
  return request.headers.filter(([name]) => name.toLowerCase() === lowerCaseName).map(([, value]) => value);
}

function quote(values: readonly string[]): string {
  return values.length === 0 ? "missing" : JSON.stringify(values.join(", "));
}

function isLoopbackAddress(address: string): boolean {
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  return plain === "::1" || plain.startsWith("127.");
}

/** `host[:port]`, where an IPv6 address stands in brackets. */
function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon > host.lastIndexOf("]") ? host.slice(0, colon) : host;
}

function isLoopbackName(name: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(name.toLowerCase());
}
