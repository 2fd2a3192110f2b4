import type { Campaign } from './campaign.js';
import { type SliceResult, totalOf } from './slice-results.js';

const COLUMNS = ['campaign', 'threat', 'target', 'total', 'slices', 'findings', 'reached'];

/** Whether a campaign has come to its figure without a finding. */
export function isReached(campaign: Campaign, results: readonly SliceResult[]): boolean {
  const { done, findings } = totalOf(results, campaign.name);
  return done >= campaign.target && findings === 0;
}

/** A markdown table of all campaigns, over all runs. */
export function report(campaigns: readonly Campaign[], results: readonly SliceResult[]): string {
  const rows = campaigns.map((campaign) => {
    const { name, threat, target, unit } = campaign;
    const { done, slices, findings } = totalOf(results, name);
    return [
      name,
      threat,
      `${grouped(target)} ${unit}`,
      grouped(done),
      grouped(slices),
      grouped(findings),
      isReached(campaign, results) ? 'yes' : 'no',
    ];
  });
  const rule = COLUMNS.map(() => '---');
  return [COLUMNS, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** 1,000,000. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
