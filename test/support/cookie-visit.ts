/** What a browser does, as far as cookies and redirects go; across sites, and without a browser's rules of sites. */
export class CookieVisit {
  /** By origin; a browser does not tell ports apart, which none of the tests needs. */
  readonly cookies = new Map<string, Map<string, string>>();

  /** One request; redirects are not followed. */
  async request(url: string, init: RequestInit = {}): Promise<Response> {
    const { origin } = new URL(url);
    const jar = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, jar);
    const headers = new Headers(init.headers);
    if (jar.size > 0) headers.set('cookie', [...jar].map(([k, v]) => `${k}=${v}`).join('; '));
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const mark = pair.indexOf('=');
      const isOver = /max-age=0(?:;|$)/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line);
      if (isOver) jar.delete(pair.slice(0, mark));
      else jar.set(pair.slice(0, mark), pair.slice(mark + 1));
    }
    return answer;
  }

  /** Follows redirects, to the first answer that is none. */
  async follow(url: string, init: RequestInit = {}): Promise<{ url: string; answer: Response }> {
    let at = url;
    let answer = await this.request(at, init);
    for (let hops = 0; hops < 20; hops++) {
      const location = answer.headers.get('location');
      if (location === null) return { url: at, answer };
      at = new URL(location, at).href;
      answer = await this.request(at);
    }
    throw new Error(`too many redirects: ${at}`);
  }
}
