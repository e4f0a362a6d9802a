/** What an exporter of metrics reads: names and numbers, never labels a client chose. */

export interface MetricDefinition {
  /** Prometheus name. */
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  /** Read when somebody asks. */
  readonly read: () => number
}

/** A number for each value of one label, out of a set that no client chooses. */
export interface LabelledMetricDefinition {
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  readonly label: string
  readonly read: () => Iterable<readonly [labelValue: string, value: number]>
}

export interface MetricDefinitions {
  readonly plain: readonly MetricDefinition[]
  readonly labelled: readonly LabelledMetricDefinition[]
}

export interface MetricsExporter {
  readonly contentType: string
  /** @returns the text a scraper gets. */
  readonly read: () => Promise<string>
}
