/** `lockgate serve`: runs the server until it is told to stop. */
import type { Config } from '../config/config.ts'
import type { DemoCredentials } from '../credentials/demo-tenant.ts'
import { bannerOf, demoBannerOf } from './banner.ts'
import { formatProblems, type Given, loadFromProcess } from './configuration.ts'
import { EXIT_CONFIGURATION, EXIT_FAILURE } from './exit.ts'
import { describeFailure } from './failure.ts'
import { createStopSwitch, watchLauncher } from './stop.ts'

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** @returns the exit code, once the server has ended. */
export async function serve(given: Given): Promise<number> {
  const outcome = await loadFromProcess(given)
  if (outcome.ok) return runServer(outcome.config)
  process.stderr.write(formatProblems(outcome.problems))
  return EXIT_CONFIGURATION
}

async function runServer(config: Config): Promise<number> {
  const stop = listenForStop()
  let untold: DemoCredentials | undefined
  try {
    const { startServer } = await import('../compose.ts')
    const server = await startServer(config, (made) => {
      untold = made
    })
    untold = undefined
    process.stdout.write(bannerOf(server))
    stop.attach((reason) => server.drain(reason))
    return await server.done
  } catch (error) {
    if (untold !== undefined) process.stdout.write(demoBannerOf(untold))
    process.stderr.write(describeFailure(error, { showsStack: config.logLevel === 'debug' }))
    return EXIT_FAILURE
  }
}

/** Listens from before the start, so that a signal during the start is not lost. */
function listenForStop(): { attach(drain: (reason: string) => void): void } {
  let early: string | undefined
  let drain = (reason: string): void => {
    early = reason
  }
  const stop = createStopSwitch({
    drain: (reason) => drain(reason),
    abort: () => process.exit(EXIT_FAILURE),
    later: (action, delayMs) => void setTimeout(action, delayMs).unref(),
  })
  for (const signal of STOP_SIGNALS) process.on(signal, () => stop(signal))
  watchLauncher(process.env['LOCKGATE_LAUNCHER_PID'], () => stop('launcher_gone'))
  return {
    attach(attached) {
      drain = attached
      if (early !== undefined) attached(early)
    },
  }
}
