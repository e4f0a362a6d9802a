/** The program: arguments in, exit code out. `bin/lockgate.js` starts it. */
import { runCommandLine } from './cli/program.ts'

/** How long something forgotten may keep the process after its work is done. */
const LINGER_MS = 1_000

const exitCode = await runCommandLine(process.argv.slice(2))
process.exitCode = exitCode
// Not `process.exit` at once: what was written to a pipe may still be on its way.
setTimeout(() => process.exit(exitCode), LINGER_MS).unref()
