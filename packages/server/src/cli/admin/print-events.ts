/** Follows events and prints a line for each. Ends with the reader, or when the key has ended. */
import { EXIT_OK } from '../exit.ts'
import type { Call } from './run.ts'
import { eventLine } from './show/event-line.ts'
import { printableLine } from './show/text.ts'

/** @returns the exit code. @throws as following does. */
export async function printEvents(
  call: Pick<Call, 'client' | 'variant' | 'input' | 'flags' | 'progress'>,
): Promise<number> {
  const { client, variant, input, flags, progress } = call
  const { stdout } = process
  // A line that counts seconds would stand between the events.
  progress.end()
  for await (const event of client.follow(variant.name, input)) {
    const line = flags.json === true ? printableLine(event) : eventLine(event)
    const isRoom = stdout.write(`${line}\n`)
    // What a slow reader misses is told to it as a gap; nothing is gathered here.
    if (!isRoom) await new Promise((resolve) => stdout.once('drain', resolve))
  }
  return EXIT_OK
}
