/** Why a server did not start; the text says what to do next and is shown without a stack. */
export class StartProblem extends Error {
  override readonly name = 'StartProblem'

  get problem(): string {
    return this.message
  }
}
