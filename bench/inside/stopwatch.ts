/** Times work inside one process; what the scripts of this folder print is read by the bench. */

/** How long a measurement lasts, from the command line; and a number of its own for the script. */
export function secondsAsked(): number {
  return Number(process.argv[2] ?? 1)
}

/** Calls between two looks at the time. */
const BATCH_COUNT = 64

/** @returns microseconds of this process's CPU and of the clock for one call. */
export async function timeCalls(
  seconds: number,
  call: (index: number) => unknown,
): Promise<{ readonly cpuUs: number; readonly wallUs: number; readonly count: number }> {
  await run(seconds / 3, call)
  const cpu = process.cpuUsage()
  const { count, ms } = await run(seconds, call)
  const { user, system } = process.cpuUsage(cpu)
  return { cpuUs: (user + system) / count, wallUs: (ms * 1000) / count, count }
}

async function run(
  seconds: number,
  call: (index: number) => unknown,
): Promise<{ count: number; ms: number }> {
  const startMs = performance.now()
  const untilMs = startMs + seconds * 1000
  let count = 0
  while (performance.now() < untilMs) {
    for (let left = BATCH_COUNT; left > 0; left--) {
      const pending = call(count++)
      // Awaiting what is no promise would cost more than some of what is measured.
      if (pending instanceof Promise) await pending
    }
  }
  return { count, ms: performance.now() - startMs }
}

/**
 * Keeps that many calls in flight.
 * @returns how many were finished in a second.
 */
export async function rateOf(
  seconds: number,
  { inFlight, call }: { readonly inFlight: number; readonly call: (n: number) => Promise<unknown> },
): Promise<number> {
  const untilMs = performance.now() + seconds * 1000
  let count = 0
  const startMs = performance.now()
  const lane = async () => {
    while (performance.now() < untilMs) await call(count++)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return (count * 1000) / (performance.now() - startMs)
}

export function print(values: Readonly<Record<string, number>>): void {
  process.stdout.write(`${JSON.stringify(values)}\n`)
}
