import type { FC } from 'hono/jsx';
import type { RouteInUseAnswer, TryRouteAnswer } from '../core/index.js';
import { segment } from './api.js';
import { Mark } from './mark.js';
import { Table } from './table.js';

type Sent = NonNullable<TryRouteAnswer['sent']>;
type Response = NonNullable<TryRouteAnswer['response']>;

const BY: Readonly<Record<Sent['headers'][number]['by'], string>> = {
  route: 'the route',
  request: 'your request',
  keyferry: 'Keyferry',
};

const WITHHELD: Readonly<Record<NonNullable<Response['withheld']>, string>> = {
  short_value:
    'Not shown: the route places a value that is too short to be searched for, so what came back might hold it.',
  encoded: 'Not shown: its Content-Encoding cannot be searched for values.',
  not_text: 'Not shown: it is no text in UTF-8, and could not be searched for values.',
};

/** What was sent and what came back. Texts of others are texts here, whatever they hold. */
export const TryResult: FC<{
  readonly answer: TryRouteAnswer;
  readonly inUse: RouteInUseAnswer | undefined;
}> = ({ answer, inUse }) => {
  const { route, environment, sent, status, response, code, durationMs } = answer;
  return (
    <>
      {code !== null && <Failure answer={answer} inUse={inUse} />}
      <section class="panel" aria-labelledby="sent">
        <h2 id="sent">What was sent</h2>
        {sent === null ? <p>Nothing.</p> : <SentFacts answer={answer} sent={sent} />}
        <p class="quiet small">
          Route {route} in {environment}
          {answer.injected.length > 0 && `, with ${answer.injected.join(', ')}`}. Request{' '}
          <code>{answer.requestId}</code>.
        </p>
      </section>
      {status !== null && (
        <section class="panel" aria-labelledby="came">
          <h2 id="came">
            What came back{' '}
            <Mark tone={status < 400 ? 'good' : status < 500 ? 'warn' : 'bad'}>{status}</Mark>{' '}
            <span class="quiet small">after {Math.round(durationMs)} ms</span>
          </h2>
          {answer.echoed.length > 0 && (
            <p class="notice warn">
              The response held the value of {answer.echoed.join(', ')}. It is masked here; what an
              app gets is for the route's <code>echoScrub</code> to say.
            </p>
          )}
          {response !== null && <ResponseFacts response={response} />}
        </section>
      )}
    </>
  );
};

const Failure: FC<{
  readonly answer: TryRouteAnswer;
  readonly inUse: RouteInUseAnswer | undefined;
}> = ({ answer: { code, detail, environment }, inUse }) => {
  const missing = (inUse?.injects ?? []).filter(({ version }) => version === null);
  return (
    <div class="notice bad" role="alert">
      <p>
        <code>{code}</code> {detail}
      </p>
      {missing.map(({ secret }) => (
        <p>
          <a href={`/secrets/${segment(secret)}#${segment(environment)}`}>
            Give {secret} a value in {environment}
          </a>
        </p>
      ))}
    </div>
  );
};

const SentFacts: FC<{ readonly answer: TryRouteAnswer; readonly sent: Sent }> = ({
  answer: { method },
  sent: { url, headers, fields, removed },
}) => (
  <>
    <pre tabindex={0}>{`${method} ${url}`}</pre>
    <Table columns={['Header', 'Value', 'From']}>
      {headers.map(({ name, value, by }) => (
        <tr>
          <th scope="row" class="name">
            {name}
          </th>
          <td class="name">
            {value ?? <span class="quiet">{by === 'request' ? 'as you wrote it' : 'set'}</span>}
          </td>
          <td>{BY[by]}</td>
        </tr>
      ))}
    </Table>
    {fields.map(({ name, value }) => (
      <p>
        Field <code>{name}</code> of the body: <span class="name">{value}</span>
      </p>
    ))}
    {removed.length > 0 && <p>Did not go on: {removed.join(', ')}.</p>}
  </>
);

const ResponseFacts: FC<{ readonly response: Response }> = ({
  response: { headers, body, withheld, isCut },
}) => (
  <>
    {headers.length > 0 && (
      <>
        <h3>Headers</h3>
        <pre tabindex={0}>{headers.map(({ name, value }) => `${name}: ${value}\n`).join('')}</pre>
      </>
    )}
    <h3>Body</h3>
    {withheld !== null && <p class="quiet">{WITHHELD[withheld]}</p>}
    {body === '' && <p class="quiet">None.</p>}
    {body !== null && body !== '' && <pre tabindex={0}>{body}</pre>}
    {isCut && <p class="quiet">It is cut here: more came, or it did not end in 5 seconds.</p>}
  </>
);
