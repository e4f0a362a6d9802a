/** At the start a refusal ends the program, with its text. */
import type { Result } from '@lockgate/protocol/result'
import { StartProblem } from '../ports/start-problem.ts'

/** @throws StartProblem with the detail of a refusal. */
export function orStop<T>(result: Result<T, string>): T {
  if (result.ok) return result.value
  throw new StartProblem(result.detail ?? result.refusal)
}
