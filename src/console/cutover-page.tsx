import type { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { CutoverDetail } from '../core/index.js';
import { type ApiProblem, segment } from './api.js';
import type { ConsoleContext, ConsoleEnvironment } from './console-environment.js';
import { STICKY_WORDS } from './cutover-fields.js';
import { CutoverLive } from './cutover-live.js';
import { describeWay } from './cutovers.js';
import { Fact } from './fact.js';
import { renderPage, renderPart } from './layout.js';
import { LoadAgain } from './load-again.js';
import { describeMinutes, Moment } from './moment.js';
import { ProblemNotice, refusalOf } from './problem-notice.js';

const VERBS = ['pause', 'resume', 'complete', 'rollback'] as const;

/** `/cutovers/ID`: what a cutover waits for and what was counted, live, and ways to end it. */
export function addCutoverPage(app: Hono<ConsoleEnvironment>): void {
  app.get('/cutovers/:id', (context) => show(context, context.req.param('id')));

  app.get('/cutovers/:id/live', async (context) => {
    const cutover = await readCutover(context, context.req.param('id'));
    const live = <CutoverLive cutover={cutover} />;
    const isOnOwnPage = context.req.header('hx-current-url')?.includes('/cutovers/') === true;
    if (cutover.endedAt === null || isOnOwnPage) return renderPart(context, live);
    return renderPart(
      context,
      <>
        {live}
        <LoadAgain path={`/secrets/${segment(cutover.secret)}`} />
      </>,
    );
  });

  app.get('/cutovers/:id/about', async (context) => {
    const cutover = await readCutover(context, context.req.param('id'));
    return renderPart(context, <About cutover={cutover} />);
  });

  for (const verb of VERBS) {
    app.post(`/cutovers/:id/${verb}`, async (context) => {
      const id = context.req.param('id');
      const { api } = context.get('visitor');
      const problem = await refusalOf(() => api.post(`/v1/cutovers/${segment(id)}/${verb}`));
      if (problem !== undefined) return show(context, id, problem);
      return context.redirect(`/cutovers/${segment(id)}`, 303);
    });
  }
}

function readCutover(context: ConsoleContext, id: string): Promise<CutoverDetail> {
  return context.get('visitor').api.get<CutoverDetail>(`/v1/cutovers/${segment(id)}`);
}

async function show(context: ConsoleContext, id: string, problem?: ApiProblem): Promise<Response> {
  const cutover = await readCutover(context, id);
  const { secret, environment } = cutover;
  return renderPage(
    context,
    {
      title: `${secret} in ${environment}: ${describeWay(cutover)}`,
      crumbs: [
        ['/cutovers', 'Cutovers'],
        [`/secrets/${segment(secret)}#${segment(environment)}`, secret],
      ],
      children: (
        <>
          <ProblemNotice problem={problem} />
          <section class="panel" aria-label="The cutover">
            <CutoverLive cutover={cutover} />
          </section>
          <About cutover={cutover} />
        </>
      ),
    },
    problem === undefined ? 200 : 409,
  );
}

/** When and how, and who used which version. Asks for itself again while it runs. */
const About: FC<{ readonly cutover: CutoverDetail }> = ({ cutover }) => {
  const path = `/cutovers/${segment(cutover.id)}/about`;
  const asks =
    cutover.endedAt === null
      ? { 'hx-get': path, 'hx-trigger': 'every 5s', 'hx-swap': 'outerHTML' }
      : {};
  return (
    <div id="about" {...asks}>
      <Facts cutover={cutover} />
      {cutover.observations.length > 0 && <Observations cutover={cutover} />}
    </div>
  );
};

const Facts: FC<{ readonly cutover: CutoverDetail }> = ({ cutover }) => {
  const { settings } = cutover;
  return (
    <section class="panel" aria-label="About this cutover">
      <dl class="summary">
        <Fact name="Started">
          <Moment at={cutover.startedAt} /> by {cutover.startedBy}
        </Fact>
        <Fact name="Each step has at least">
          {settings.stepMinSamples} requests and {settings.stepMinSeconds} s
        </Fact>
        <Fact name="Where the new version is refused">
          {settings.onRefusal === 'rollback' ? 'goes back by itself' : 'waits for a person'}, above{' '}
          {Number((settings.maxRefusalRatio * 100).toPrecision(6))} %
        </Fact>
        <Fact name="Routes and clients that take it first">
          {settings.routes?.join(', ') ?? 'all routes'}; {settings.clients?.join(', ') ?? 'all'}
          {settings.clients === null && ' clients'}
        </Fact>
        <Fact name="Requests of a client, at a step">
          {STICKY_WORDS[String(settings.stickyClients)]}
        </Fact>
        <Fact name="All requests take it since">
          <Moment at={cutover.currentSince} never="not yet" />
        </Fact>
        <Fact name="Old version live until">
          <Moment
            at={cutover.windowEndsAt}
            never={`${describeMinutes(settings.windowMinutes)} after the last step`}
          />
        </Fact>
        <Fact name="Ended">
          <Moment at={cutover.endedAt} never="it runs" />
          {cutover.endedAt !== null && cutover.endedByItself && ', by itself'}
        </Fact>
      </dl>
    </section>
  );
};

const Observations: FC<{ readonly cutover: CutoverDetail }> = ({ cutover: { observations } }) => (
  <section class="panel" aria-labelledby="observations">
    <h2 id="observations">By route and client</h2>
    <div class="scrolls" tabindex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col">Client</th>
            <th scope="col">Step</th>
            <th scope="col">Version</th>
            <th scope="col" class="number">
              Accepted
            </th>
            <th scope="col" class="number">
              Refused
            </th>
            <th scope="col" class="number">
              Failed
            </th>
          </tr>
        </thead>
        <tbody>
          {observations.slice(0, 100).map((row) => (
            <tr>
              <th scope="row">{row.route}</th>
              <td>{row.client}</td>
              <td>{row.percent} %</td>
              <td>
                {row.side}
                {row.version !== null && `, v${row.version}`}
              </td>
              <td class="number">{row.accepted.toLocaleString('en')}</td>
              <td class="number">{row.refused.toLocaleString('en')}</td>
              <td class="number">{row.failed.toLocaleString('en')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </section>
);
