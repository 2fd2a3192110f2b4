import type { Problem, RotationSettings } from '../core/index.js';
import type { ProviderRegistry } from './bound-provider.js';
import { configProblems } from './config-problems.js';
import { nextTickMs } from './next-run.js';
import { isTimezone } from './zoned-time.js';

/** What is wrong with the settings of a rotation beyond the shape of each field, by the path of each field. */
export function settingsProblems(
  providers: ProviderRegistry,
  settings: RotationSettings,
): readonly Problem[] {
  const { provider: id, config } = settings;
  const provider = providers.get(id);
  if (provider === undefined) return [{ path: 'provider', message: `there is no provider ${id}` }];
  const ofConfig = configProblems(provider.config, config).map((problem) => ({
    ...problem,
    path: problem.path === '' ? 'config' : `config.${problem.path}`,
  }));
  const expires =
    ofConfig.length === 0 && provider.byExpiry?.(provider.config.parse(config)) !== undefined;
  return [...scheduleProblems(settings, expires), ...checkProblems(settings), ...ofConfig];
}

function scheduleProblems(
  { intervalDays, cron, timezone, window }: RotationSettings,
  expires: boolean,
): Problem[] {
  const problems: Problem[] = [];
  if (!isTimezone(timezone)) {
    problems.push({
      path: 'timezone',
      message: 'no time zone of that name is known; an IANA name such as Europe/Berlin is expected',
    });
  }
  if (intervalDays !== null && cron !== null) {
    problems.push({
      path: 'cron',
      message: 'found beside intervalDays; one of the two is expected',
    });
  }
  if (intervalDays === null && cron === null && !expires) {
    problems.push({ path: 'intervalDays', message: 'missing; 1 to 365 is expected, or cron' });
  }
  if (cron !== null && !isCron(cron)) {
    problems.push({
      path: 'cron',
      message:
        'five fields are expected (minute, hour, day of month, month, weekday), such as 0 3 1 * *, that name a time that there is',
    });
  }
  if (window !== null && window.days.length === 0) {
    problems.push({ path: 'window.days', message: 'at least one day is expected' });
  }
  return problems;
}

function isCron(expression: string): boolean {
  try {
    return nextTickMs(expression, 'UTC', Date.now()) !== undefined;
  } catch {
    return false;
  }
}

function checkProblems({ propagationCheck }: RotationSettings): Problem[] {
  if (propagationCheck === null) return [];
  const { endpoint } = propagationCheck;
  const isPath = /^\/(?!\/)[^\s#]*$/.test(endpoint);
  const isAddress = /^https?:\/\/[^\s@]+$/.test(endpoint) && URL.canParse(endpoint);
  if (isPath || isAddress) return [];
  return [
    {
      path: 'propagationCheck.endpoint',
      message:
        'a path as apps request it (/stripe/v1/balance) or an address (https://…) is expected',
    },
  ];
}
