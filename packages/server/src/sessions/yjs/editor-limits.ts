/** What an editor is charged for. */
import { type LimitRefusal, refuseByLimit } from '../../core/limits/limit-refusal.ts'
import { ClientLimits } from '../client-limits.ts'

export class EditorLimits extends ClientLimits {
  /** Charges one operation (contract WireSocket 8). @returns undefined when it may go on. */
  update(documentName: string, update: Uint8Array): LimitRefusal | undefined {
    const charged = { channel: documentName, data: update }
    const { refused } = this.guard.topicPublish(this.current(), this.asker, charged)
    return refused && refuseByLimit(refused)
  }
}
