/**
 * A byte stream over a WebSocket: what is sent in one turn leaves in one binary frame, because a
 * stream has no use for frames of its own (MQTT 5 §6.0: packets need not be aligned with them).
 * Everything else is the outbox of the socket.
 */
import type { Frame, PacedOutbox } from '../ports/fanout.ts'
import type { Batch } from './batch.ts'
import type { Holds } from './holds.ts'
import type { SocketOutbox } from './outbox.ts'
import type { TurnOutbox, TurnWriter } from './turn-writer.ts'

/** Our bound on what waits for the end of the turn; beyond it the socket is written at once. */
const TURN_BYTES_MAX = 256 * 1024

export class BatchedOutbox implements PacedOutbox, TurnOutbox {
  readonly #inner: SocketOutbox
  readonly #writer: TurnWriter
  readonly #holds: Holds
  #batch: Batch | undefined

  constructor(inner: SocketOutbox, ports: { readonly writer: TurnWriter; readonly holds: Holds }) {
    this.#inner = inner
    this.#writer = ports.writer
    this.#holds = ports.holds
  }

  get hasRoom(): boolean {
    this.#noteBehind()
    return this.#inner.hasRoom
  }

  send(frame: Frame): void {
    this.#noteBehind()
    const bytes = typeof frame === 'string' ? Buffer.from(frame) : frame
    if (this.#batch === undefined) this.#writer.add(this)
    this.#batch = (this.#batch ?? this.#writer.batch).append(bytes)
    if (this.#batch.bytes >= TURN_BYTES_MAX) this.flush()
  }

  close(code: number, reason: string, lastFrame?: Frame): void {
    if (lastFrame !== undefined) this.send(lastFrame)
    this.flush()
    this.#inner.close(code, reason)
  }

  flush(): number {
    const batch = this.#batch
    if (batch === undefined) return 0
    this.#batch = undefined
    for (const piece of batch.pieces()) this.#inner.send(piece)
    return batch.bytes
  }

  #noteBehind(): void {
    if (this.#inner.isLagging) this.#holds.note(this.#inner)
  }
}
