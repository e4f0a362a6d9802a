/** That something is still going on, for a person at a terminal; nothing for a pipe or a file. */

const STEP_MS = 1_000
const CLEAR_LINE = '\r\u001b[K'

export interface Progress {
  /** How many came so far. */
  advance(count: number): void
  /** Takes the line away again. */
  end(): void
}

export interface ProgressOptions {
  readonly what: string
  readonly isShown: boolean
  readonly write: (text: string) => void
  /** Calls `work` again and again. @returns what ends that. */
  readonly every: (ms: number, work: () => void) => () => void
}

/** Shows itself once a second from the first second on. */
export function startProgress({ what, isShown, write, every }: ProgressOptions): Progress {
  let count = 0
  let seconds = 0
  let isVisible = false
  if (!isShown) return { advance() {}, end() {} }
  const stop = every(STEP_MS, () => {
    seconds += 1
    const counted = count === 0 ? '' : `, ${count} so far`
    write(`${CLEAR_LINE}${what}: ${seconds} s${counted}`)
    isVisible = true
  })
  return {
    advance(by) {
      count += by
    },
    end() {
      stop()
      if (isVisible) write(CLEAR_LINE)
      isVisible = false
    },
  }
}
