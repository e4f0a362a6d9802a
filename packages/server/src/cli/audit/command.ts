/** What `lockgate audit verify` can do beside asking the server. */
import type { Command } from 'commander'
import type { VerifyFlags } from './verify.ts'

const EXAMPLES = `
Names the first bad row of every chain. Exit codes: 0 all is sound, 1 something is not.

Examples:
  lockgate audit verify --witness witness.jsonl --public-key audit-key.json
  lockgate audit verify --offline --data-dir data`

export const AUDIT_VERIFY = {
  describe(command: Command): void {
    command
      .option('--offline', 'Read the files of the data directory: no server, nothing is changed.')
      .option('--witness <file>', 'Compare the rows with what a witness has, as JSON lines.')
      .option('--public-key <file>', 'The public key as a JWK, kept away from the server.')
      .addHelpText('after', EXAMPLES)
  },
  /** @returns the exit code; undefined where the server alone is asked. */
  async run(command: Command): Promise<number | undefined> {
    const flags = command.opts<VerifyFlags>()
    const isOwn = [flags.offline, flags.witness, flags.publicKey].some((each) => each !== undefined)
    if (!isOwn) return undefined
    const { runAuditVerify } = await import('./verify.ts')
    return runAuditVerify(flags)
  },
}
