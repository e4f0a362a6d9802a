/**
 * Whether this node takes new connections: from the share of memory, CPU and connections in use
 * (contract WireSocket, part 8). What is connected stays. Ends later than it begins, so that it
 * does not flap; every change is logged once. Time and readings come in: no timer here.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Machine, MachineReading } from '../../ports/machine.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'
import type { Random } from '../../ports/random.ts'
import type { Tally } from '../tally.ts'
import { SustainedShare, type Threshold } from './sustained-share.ts'

export interface LoadSettings {
  /** False: nobody is refused; the state is told all the same. */
  readonly shedding: boolean
  /** From these shares on the node is overloaded; 100 of connections: the bound itself. */
  readonly memoryPercent: number
  readonly cpuPercent: number
  readonly connectionPercent: number
  /** How long the CPU is that busy without a pause before it counts. */
  readonly cpuSeconds: number
}

export type LoadReason = 'memory' | 'cpu' | 'connections' | 'event_loop'

export interface LoadState {
  /** `degraded`: everything is served, and late. `overloaded`: new connections are refused. */
  readonly status: 'healthy' | 'degraded' | 'overloaded'
  /** Empty when healthy. */
  readonly reasons: readonly LoadReason[]
}

/** What a refused connection is told. */
export interface LoadRefusal {
  /** Spread, so that those who are sent away do not come back together. */
  readonly retryAfterSeconds: number
}

export interface LoadPorts {
  readonly machine: Machine
  readonly clock: Clock
  readonly random: Random
  readonly tally: Tally
  readonly log: Log
}

/** How far below its threshold a share has to fall before it is over. */
const LEAVE_POINTS = 5
/** Work that waits this long for its turn, every second of {@link LAG_WINDOW_MS}, is late. */
const LAG_MS = 500
const LAG_WINDOW_MS = 5_000
/** Contract WireSocket, part 8: refusals ask for 30 to 40 s. */
const RETRY_AFTER_SECONDS_MIN = 30
const RETRY_AFTER_SECONDS_SPREAD = 10
const HEALTHY: LoadState = { status: 'healthy', reasons: [] }

export class LoadMonitor {
  readonly #settings: LoadSettings & { readonly connectionCountMax: number }
  readonly #ports: LoadPorts
  readonly #cpu: SustainedShare
  readonly #lag = new SustainedShare(LAG_WINDOW_MS)
  readonly #percents = { memory: 0, cpu: 0, connections: 0 }
  #lagMs = 0
  #last: { readonly reading: MachineReading; readonly atMs: number } | undefined
  #state = HEALTHY

  /** @param limits of the whole server: all transports count together. */
  constructor(
    settings: LoadSettings,
    limits: { readonly connectionCountMax: number },
    ports: LoadPorts,
  ) {
    this.#settings = { ...settings, connectionCountMax: limits.connectionCountMax }
    this.#ports = ports
    this.#cpu = new SustainedShare(settings.cpuSeconds * 1_000)
  }

  /** As of the last tick. */
  state(): LoadState {
    return this.#state
  }

  /** @returns undefined: a new connection may come. Costs a comparison. */
  refusal(): LoadRefusal | undefined {
    if (this.#state.status !== 'overloaded' || !this.#settings.shedding) return undefined
    return { retryAfterSeconds: this.retryAfterSeconds() }
  }

  /** @returns 30 to 40, another one each time. */
  retryAfterSeconds(): number {
    return (
      RETRY_AFTER_SECONDS_MIN + (this.#ports.random.uint32() % (RETRY_AFTER_SECONDS_SPREAD + 1))
    )
  }

  /** Called about once a second. */
  tick(): void {
    const { machine, clock, tally } = this.#ports
    const reading = machine.read()
    const atMs = clock.monotonicMs()
    const { memoryBytes, memoryBytesMax, loopLagMs } = reading
    this.#percents.memory = percent(memoryBytes, memoryBytesMax)
    this.#percents.connections = percent(tally.connectionsOpen, this.#settings.connectionCountMax)
    this.#lagMs = loopLagMs
    const last = this.#last
    this.#last = { reading, atMs }
    if (last !== undefined && atMs > last.atMs) {
      const forMs = atMs - last.atMs
      this.#percents.cpu = cpuPercentOf(reading, last.reading, forMs)
      this.#cpu.add(this.#percents.cpu, forMs)
      this.#lag.add(loopLagMs, forMs)
    }
    this.#decide()
  }

  /** Stops measuring. */
  close(): void {
    this.#ports.machine.close()
  }

  metrics(): MetricDefinitions {
    return {
      plain: [
        {
          name: 'lockgate_load_status',
          help: 'Load of this node: 0 healthy, 1 degraded, 2 overloaded',
          kind: 'gauge',
          read: () => STATUS_NUMBERS[this.#state.status],
        },
        {
          name: 'lockgate_event_loop_lag_milliseconds',
          help: 'The longest that work waited for its turn, in the last second',
          kind: 'gauge',
          read: () => this.#lagMs,
        },
      ],
      labelled: [
        {
          name: 'lockgate_load_percent',
          help: 'What is used of what this node has',
          kind: 'gauge',
          label: 'resource',
          read: () => Object.entries(this.#percents),
        },
      ],
    }
  }

  #decide(): void {
    const { memoryPercent, cpuPercent, connectionPercent } = this.#settings
    const { memory, connections } = this.#percents
    const over: LoadReason[] = []
    if (this.#isOver('memory', memory, memoryPercent)) over.push('memory')
    if (this.#cpu.isOver(pointsOf(cpuPercent))) over.push('cpu')
    if (this.#isOver('connections', connections, connectionPercent)) over.push('connections')
    const isLate = this.#lag.isOver({ enter: LAG_MS, leave: LAG_MS / 2 })
    const reasons = isLate ? [...over, 'event_loop' as const] : over
    const status = over.length > 0 ? 'overloaded' : isLate ? 'degraded' : 'healthy'
    if (reasons.join() === this.#state.reasons.join()) return
    this.#state = { status, reasons }
    const { log } = this.#ports
    const fields = { status, reasons, ...this.#percents, lagMs: this.#lagMs }
    if (status === 'healthy') log.info('load_changed', fields)
    else log.warn('load_changed', fields)
  }

  #isOver(reason: LoadReason, now: number, thresholdPercent: number): boolean {
    const { enter, leave } = pointsOf(thresholdPercent)
    return now >= (this.#state.reasons.includes(reason) ? leave : enter)
  }
}

const STATUS_NUMBERS = { healthy: 0, degraded: 1, overloaded: 2 } as const

function pointsOf(enter: number): Threshold {
  return { enter, leave: enter - LEAVE_POINTS }
}

function percent(part: number, whole: number): number {
  return whole > 0 ? (100 * part) / whole : 0
}

/**
 * One thread runs the event loop, so its share of one CPU counts; and where a control group gives
 * the process less than its threads want, the share of that.
 */
function cpuPercentOf(now: MachineReading, before: MachineReading, forMs: number): number {
  const loop = percent(now.loopCpuMs - before.loopCpuMs, forMs * Math.min(1, now.cpuCount))
  const all = percent(now.processCpuMs - before.processCpuMs, forMs * now.cpuCount)
  return Math.max(loop, all)
}
