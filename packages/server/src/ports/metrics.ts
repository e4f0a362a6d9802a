/** What an exporter of metrics reads: names and numbers, never labels a client chose. */

export interface MetricDefinition {
  /** Prometheus name. */
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  /** Read when somebody asks. */
  readonly read: () => number
}

/** A counter with one label out of a fixed set. */
export interface LabelledCounterDefinition {
  readonly name: string
  readonly help: string
  readonly label: string
  readonly read: () => Iterable<readonly [labelValue: string, count: number]>
}

export interface MetricDefinitions {
  readonly plain: readonly MetricDefinition[]
  readonly labelled: readonly LabelledCounterDefinition[]
}

export interface MetricsExporter {
  readonly contentType: string
  /** @returns the text a scraper gets. */
  readonly read: () => Promise<string>
}
