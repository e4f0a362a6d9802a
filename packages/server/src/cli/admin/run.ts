/** Carries one operation of the administration out and shows what came of it. */
import { createAdminClient, type LooseInput } from '@lockgate/admin-api/client'
import type { OperationName } from '@lockgate/admin-api/operations'
import { AdminProblem, AdminUnreachable } from '@lockgate/admin-api/problem'
import { version } from '../../../package.json'
import { EXIT_FAILURE, EXIT_OK } from '../exit.ts'
import { type ConnectionFlags, findConnection } from './connection.ts'

/** @returns the exit code. */
export async function runOperation(
  name: OperationName,
  input: LooseInput,
  flags: ConnectionFlags,
): Promise<number> {
  const connection = await findConnection(flags, process.env)
  if (!connection.ok) {
    process.stderr.write(connection.text)
    return connection.exitCode
  }
  const { url, key } = connection
  const client = createAdminClient({ url, key, agent: `lockgate-cli/${version}` })
  try {
    const outcome = await client.send(name, input)
    if (!outcome.ok) throw outcome.problem
    process.stdout.write(`${JSON.stringify(outcome.value, null, 2)}\n`)
    return EXIT_OK
  } catch (error) {
    if (!(error instanceof AdminProblem || error instanceof AdminUnreachable)) throw error
    process.stderr.write(describeProblem(error))
    return EXIT_FAILURE
  }
}

function describeProblem(error: AdminProblem | AdminUnreachable): string {
  if (error instanceof AdminUnreachable) {
    const next = 'start it with `lockgate serve`, or name another with --url'
    return `lockgate: no answer from ${error.url}: ${next}\n`
  }
  return `lockgate: ${error.detail ?? error.title} (${error.code})\n`
}
