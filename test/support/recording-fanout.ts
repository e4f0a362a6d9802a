/** A fan-out that keeps what every outbox was handed, for tests of the layers above the sockets. */
import type { Fanout, FanoutGroup, Frame, Outbox } from '../../packages/server/src/ports/fanout.ts'

export class RecordingOutbox implements Outbox {
  readonly frames: string[] = []
  closed: { code: number; reason: string } | undefined

  send(frame: Frame): void {
    if (this.closed === undefined) this.frames.push(String(frame))
  }

  close(code: number, reason: string, lastFrame?: Frame): void {
    if (lastFrame !== undefined) this.send(lastFrame)
    this.closed ??= { code, reason }
  }

  /**
   * @returns the frames since the last call, parsed; `data` that is JSON text is parsed as well.
   */
  take(): Record<string, unknown>[] {
    return this.frames.splice(0).map((text) => {
      const frame = JSON.parse(text)
      if (typeof frame.data !== 'string') return frame
      try {
        return { ...frame, data: JSON.parse(frame.data) }
      } catch (error) {
        if (error instanceof SyntaxError) return frame
        throw error
      }
    })
  }
}

class RecordingGroup implements FanoutGroup {
  readonly #members = new Set<Outbox>()

  get size(): number {
    return this.#members.size
  }

  join(outbox: Outbox): void {
    this.#members.add(outbox)
  }

  leave(outbox: Outbox): void {
    this.#members.delete(outbox)
  }

  publish(frame: Frame, except?: Outbox): void {
    for (const outbox of this.#members) if (outbox !== except) outbox.send(frame)
  }
}

export class RecordingFanout implements Fanout {
  isFull = false

  createGroup(): FanoutGroup {
    return new RecordingGroup()
  }

  hasRoom(): boolean {
    return !this.isFull
  }
}
