/** The turns of the event loop of this process. */
import type { Turns } from '../../ports/turns.ts'

export const systemTurns: Turns = {
  next: (work) => void setImmediate(work),
}
