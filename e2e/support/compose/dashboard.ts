import { readFileSync } from 'node:fs';

/** What the panels of a Grafana dashboard ask Prometheus for. */
export function queriesOf(file: string): { panel: string; expr: string }[] {
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { panels: { title: string; targets: { expr: string }[] }[] };
  return panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ panel: title, expr })));
}
