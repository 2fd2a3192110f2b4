import { isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';

const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const HOST_NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`, 'i');
const IPV6_LITERAL = /^\[[0-9a-f:.]+\]$/i;

/**
 * What is wrong with the name of a host, with a better spelling where there is one; undefined when it can be
 * compared with a `Host` header: RFC 1123 labels, an IPv4 address or an IPv6 address in brackets, without
 * scheme and port. With `wildcard`, `*.` may stand in front of a name.
 */
export function hostProblem(
  host: string,
  form: 'exact' | 'wildcard',
): { readonly message: string; readonly nearest?: string } | undefined {
  const name = form === 'wildcard' && host.startsWith('*.') ? host.slice(2) : host;
  const wildcard = name !== host;
  if (host.includes('://')) return better('a host without scheme and path is expected', host);
  if (IPV6_LITERAL.test(name) && !wildcard) {
    return addressProblem(name);
  }
  if (/:\d*$/.test(name)) {
    const nearest = host.replace(/:\d*$/, '');
    return { message: 'a host without its port is expected', nearest };
  }
  if (name.includes('*')) {
    return {
      message:
        form === 'wildcard'
          ? 'a wildcard is "*." at the start, with a name after it'
          : 'a wildcard does not belong here',
    };
  }
  if (name.endsWith('.')) return { message: 'leave out the dot at the end' };
  if (wildcard && isIPv4(name)) return { message: 'an address has no names below it' };
  if (HOST_NAME.test(name)) return undefined;
  const international = /^[\p{L}\p{M}\p{N}._-]+$/u.test(name);
  const ascii = international ? domainToASCII(name) : '';
  return {
    message: 'a host name in ASCII is expected (labels of letters, digits and "-")',
    ...(ascii !== '' && HOST_NAME.test(ascii) ? { nearest: wildcard ? `*.${ascii}` : ascii } : {}),
  };
}

/** Hosts are compared as text, so an IPv6 address must be in the one form of RFC 5952. */
function addressProblem(name: string): { message: string; nearest?: string } | undefined {
  const url = `http://${name}/`;
  if (!URL.canParse(url)) return { message: 'this is not an IPv6 address' };
  const { hostname } = new URL(url);
  if (hostname === name.toLowerCase()) return undefined;
  return { message: 'the short form of the address is expected', nearest: hostname };
}

function better(message: string, text: string): { message: string; nearest?: string } {
  const hostname = URL.canParse(text) ? new URL(text).hostname : '';
  return hostname === '' ? { message } : { message, nearest: hostname };
}
