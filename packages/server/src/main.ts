/** The program: arguments in, exit code out. `bin/lockgate.js` starts it. */
import { EXIT_FAILURE } from './cli/exit.ts'
import { runCommandLine } from './cli/program.ts'

/** How long something forgotten may keep the process after its work is done. */
const LINGER_MS = 1_000

// `audit export | head` ends with `head`: a failure, as no more is known of what was not read, and
// without a word, since nobody is left to tell. A server goes on: its log is on standard error.
process.stdout.on('error', () => {
  if (process.argv[2] !== 'serve') process.exit(EXIT_FAILURE)
})

const exitCode = await runCommandLine(process.argv.slice(2))
process.exitCode = exitCode
// Not `process.exit` at once: what was written to a pipe may still be on its way.
setTimeout(() => process.exit(exitCode), LINGER_MS).unref()
