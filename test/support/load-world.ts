/** A machine whose readings a test sets, and the monitor that reads it once a second. */
import { LoadMonitor, type LoadSettings } from '../../packages/server/src/core/load/load-monitor.ts'
import { Tally } from '../../packages/server/src/core/tally.ts'
import type { MachineReading } from '../../packages/server/src/ports/machine.ts'
import { HandClock } from './hand-clock.ts'

export const LOAD_SETTINGS: LoadSettings = {
  shedding: true,
  memoryPercent: 80,
  cpuPercent: 80,
  cpuSeconds: 10,
  connectionPercent: 80,
}

/** As a node answers that has room for everybody. */
export const UNLOADED = { refusal: () => undefined, retryAfterSeconds: () => 30 }

export class LoadWorld {
  readonly clock = new HandClock()
  readonly tally = new Tally()
  readonly logged: { readonly level: string; readonly event: string; readonly fields: unknown }[] =
    []
  /** What the machine says next. */
  reading: MachineReading = {
    memoryBytes: 0,
    memoryBytesMax: 1_000,
    loopCpuMs: 0,
    processCpuMs: 0,
    cpuCount: 4,
    loopLagMs: 0,
  }
  isClosed = false
  readonly monitor: LoadMonitor
  #randomCount = 0

  constructor(settings: Partial<LoadSettings> = {}) {
    const told = (level: string) => (event: string, fields: unknown) => {
      this.logged.push({ level, event, fields })
    }
    const log = { debug: told('debug'), info: told('info'), warn: told('warn'), error() {} }
    const machine = {
      read: () => this.reading,
      close: () => {
        this.isClosed = true
      },
    }
    const random = { bytes: () => new Uint8Array(), uint32: () => this.#randomCount++ }
    const { clock, tally } = this
    const limits = { connectionCountMax: 100 }
    const ports = { machine, clock, random, tally, log }
    this.monitor = new LoadMonitor({ ...LOAD_SETTINGS, ...settings }, limits, ports)
  }

  /** One second passes in which the loop was busy for `loopPercent` of it. */
  second(changes: Partial<MachineReading> & { readonly loopPercent?: number } = {}): void {
    const { loopPercent = 0, ...rest } = changes
    const { loopCpuMs, processCpuMs } = this.reading
    this.clock.pass(1_000)
    this.reading = {
      ...this.reading,
      loopCpuMs: loopCpuMs + loopPercent * 10,
      processCpuMs: processCpuMs + loopPercent * 10,
      ...rest,
    }
    this.monitor.tick()
  }
}
