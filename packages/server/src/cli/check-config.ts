/** `lockgate check-config`: says what the server would run with, or what is wrong. */
import { describeConfig } from '../config/secrets.ts'
import { formatProblems, type Given, loadFromProcess } from './configuration.ts'
import { EXIT_CONFIGURATION, EXIT_OK } from './exit.ts'

/**
 * @param asJson prints one JSON object to standard output, `{ok, config}` or `{ok, problems}`;
 * otherwise the configuration goes there as YAML and problems go to standard error.
 * @returns the exit code.
 */
export async function checkConfig(given: Given & { readonly asJson: boolean }): Promise<number> {
  const outcome = await loadFromProcess(given)
  if (given.asJson) {
    const { ok } = outcome
    const report = ok ? { ok, config: describeConfig(outcome.config) } : outcome
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  } else if (outcome.ok) {
    const { stringify } = await import('yaml')
    process.stdout.write(stringify(describeConfig(outcome.config), { lineWidth: 0 }))
  } else process.stderr.write(formatProblems(outcome.problems))
  return outcome.ok ? EXIT_OK : EXIT_CONFIGURATION
}
