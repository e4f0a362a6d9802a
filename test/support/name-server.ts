/** A name server of one's own: says the address of one name, and of all others nothing at all. */
import { createSocket } from 'node:dgram'
import { getServers, setServers } from 'node:dns'

/** RFC 1035 §4.1.1, and the type of an address record of IPv4. */
const HEADER_BYTES = 12
const TYPE_A = 1
/** A pointer to the name that was asked for, type A, class IN, five seconds, four bytes. */
const RECORD_HEAD = [0xc0, 0x0c, 0, TYPE_A, 0, 1, 0, 0, 0, 5, 0, 4]

/**
 * Asked by this process instead of the servers of the system, until it is closed.
 * @param known its first label; every name has others behind it.
 */
export async function openNameServer(known: string, address: readonly number[]) {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const start = HEADER_BYTES + 1
    const label = query.subarray(start, start + (query[HEADER_BYTES] ?? 0)).toString()
    asked.push(label)
    if (label !== known) return
    const end = query.indexOf(0, HEADER_BYTES) + 5
    const isA = query.readUInt16BE(end - 4) === TYPE_A
    const answer = Buffer.from(query.subarray(0, end))
    answer.writeUInt16BE(0x8180, 2)
    answer.writeUInt16BE(isA ? 1 : 0, 6)
    answer.fill(0, 8, HEADER_BYTES)
    const record = isA ? Buffer.from([...RECORD_HEAD, ...address]) : Buffer.alloc(0)
    socket.send(Buffer.concat([answer, record]), from.port, from.address)
  })
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve)
  })
  const before = getServers()
  setServers([`127.0.0.1:${socket.address().port}`])
  const close = () => {
    setServers(before)
    socket.close()
  }
  return { asked, close }
}
