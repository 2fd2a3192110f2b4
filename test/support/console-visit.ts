/** What a browser sends to the console, without one. */
export interface ConsoleVisit {
  readonly cookie: string;
  get(path: string): Promise<{ status: number; text: string; headers: Headers }>;
  post(
    path: string,
    form?: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
}

/** Sends a form as a page of the console does; other headers replace its own. */
export function postForm(
  origin: string,
  path: string,
  form: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${origin}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin, ...headers },
    body: new URLSearchParams(form),
  });
}

/** Signs in with an admin token, or with a link. Throws where that is refused. */
export async function visitConsole(
  origin: string,
  credential: { readonly token: string } | { readonly link: string },
): Promise<ConsoleVisit> {
  const answer = await postForm(origin, '/sign-in', { ...credential });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0];
  if (answer.status !== 303 || cookie === undefined) throw new Error(`refused: ${answer.status}`);
  return {
    cookie,
    async get(path) {
      const page = await fetch(`${origin}${path}`, { headers: { cookie }, redirect: 'manual' });
      return { status: page.status, text: await page.text(), headers: page.headers };
    },
    post: (path, form, headers) => postForm(origin, path, form, { cookie, ...headers }),
  };
}
