/** What the machine gives this process, and how much of it is used. */

export interface MachineReading {
  /** Memory this process holds (resident set), in bytes. */
  readonly memoryBytes: number
  /** What it may hold: the machine's memory, or less where a control group says so. */
  readonly memoryBytesMax: number
  /** CPU time of the thread of the event loop since the process started, in ms. */
  readonly loopCpuMs: number
  /** CPU time of all threads since the process started, in ms. */
  readonly processCpuMs: number
  /** CPUs this process may use at a time; a fraction where a control group says so. */
  readonly cpuCount: number
  /** The longest that work waited for the event loop since the last reading, in ms. */
  readonly loopLagMs: number
}

export interface Machine {
  /** Costs some system calls: meant for once a second. Never throws. */
  read(): MachineReading
  /** Stops measuring. */
  close(): void
}
