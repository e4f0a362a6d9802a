/** Where a request or connection came from, for use records and the audit log. */
export interface Source {
  /** The true client address behind trusted proxies, as text; empty when it is not known. */
  readonly ip: string
  /** At most {@link AGENT_LENGTH_MAX} characters of the agent header; empty when there was none. */
  readonly agent: string
  /** `oauth`, `http`, `pusher`, `admin`, or a later protocol's own name. */
  readonly protocol: string
}

/** Our bound: longer ones say nothing more. */
export const AGENT_LENGTH_MAX = 200
