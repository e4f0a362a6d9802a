/** Messages and presence as wSocket frames; each is made once and shared by every client of it. */
import { messageFrame, presenceFrame } from '@lockgate/protocol/wsocket/frames'
import type { MessageEncoder } from '../../core/messages/messages.ts'

export const wsocketEncoder: MessageEncoder = {
  message: messageFrame,
  presence: (change, channel, member) => presenceFrame(`presence.${change}`, channel, member),
}
