import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Receiving,
  type ReceivingWorld,
  testSenderContract,
} from '../../../../../test/contract/webhook-sender.ts'
import { answer, ScriptedSender } from '../../../../../test/support/scripted-sender.ts'
import { createNodeSender } from './webhook-sender.ts'

async function openNode(): Promise<ReceivingWorld> {
  const placed: Receiving[] = []
  const server = createServer((request, response) => {
    request.resume()
    const receiving = placed[Number(request.url?.slice(1))]
    if (typeof receiving === 'object') {
      const { status, retryAfter } = receiving
      const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
      response.writeHead(status, headers).end()
    } else if (receiving === 'redirected') response.writeHead(308, { location: '/0' }).end()
    else response.destroy()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const clock = { monotonicMs: () => performance.now() }
  return {
    sender: createNodeSender({ allowedNetworks: ['127.0.0.1'], clock }),
    place(receiving) {
      const path = `/${placed.push(receiving) - 1}`
      const host = receiving === 'address_refused' ? '127.0.0.2' : '127.0.0.1'
      const scheme = receiving === 'url_refused' ? 'ftp' : 'http'
      return { connectionKey: 'whe_1', url: `${scheme}://${host}:${port}${path}` }
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function openScript(): Promise<ReceivingWorld> {
  const sender = new ScriptedSender()
  let count = 0
  return {
    sender,
    place(receiving) {
      const connectionKey = `whe_${count++}`
      sender.receivers.set(connectionKey, () =>
        typeof receiving === 'string'
          ? { kind: 'failed', failure: receiving }
          : answer(receiving.status, receiving.retryAfter),
      )
      return { connectionKey, url: 'https://hooks.example/' }
    },
    close() {},
  }
}

testSenderContract('the node sender', openNode)
testSenderContract('the scripted sender', openScript)
