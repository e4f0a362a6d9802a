/**
 * Metrics as Prometheus text, through prom-client, with its metrics of the process. Counting stays
 * a plain addition where things happen; the numbers are read only when a scraper asks.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { MetricDefinitions, MetricsExporter } from '../../ports/metrics.ts'

export function promMetrics({ plain, labelled }: MetricDefinitions): MetricsExporter {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  for (const { name, help, kind, read } of plain) {
    if (kind === 'gauge') {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) })
      continue
    }
    const counter: Counter = new Counter({
      name,
      help,
      registers,
      collect: () => {
        counter.reset()
        counter.inc(read())
      },
    })
  }
  for (const { name, help, kind, label, read } of labelled) {
    if (kind === 'gauge') {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers,
        labelNames: [label],
        collect: () => {
          gauge.reset()
          for (const [labelValue, value] of read()) gauge.set({ [label]: labelValue }, value)
        },
      })
      continue
    }
    const counter: Counter = new Counter({
      name,
      help,
      registers,
      labelNames: [label],
      collect: () => {
        counter.reset()
        for (const [value, count] of read()) counter.inc({ [label]: value }, count)
      },
    })
  }
  return { contentType: registry.contentType, read: () => registry.metrics() }
}
