import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Outside,
  type OutsideWorld,
  testFetcherContract,
} from '../../../../../test/contract/fetcher.ts'
import { ScriptedFetcher } from '../../../../../test/support/scripted-fetcher.ts'
import { createNodeFetcher } from './fetcher.ts'

const BYTES_MAX = 1_000

async function openNode(): Promise<OutsideWorld> {
  const placed: Outside[] = []
  const server = createServer((request, response) => {
    const outside = placed[Number(request.url?.slice(1))]
    if (typeof outside === 'object') response.writeHead(outside.status).end(outside.body)
    else if (outside === 'redirected') response.writeHead(302, { location: '/0' }).end()
    else if (outside === 'answer_large') response.end('x'.repeat(BYTES_MAX + 1))
    else response.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    fetcher: createNodeFetcher({ allowedNetworks: ['127.0.0.1'], bytesMax: BYTES_MAX }),
    place(outside) {
      const path = `/${placed.push(outside) - 1}`
      if (outside === 'url_refused') return `ftp://127.0.0.1${path}`
      return `http://${outside === 'address_refused' ? '127.0.0.2' : '127.0.0.1'}:${port}${path}`
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function openScript(): Promise<OutsideWorld> {
  const fetcher = new ScriptedFetcher()
  let count = 0
  return {
    fetcher,
    place(outside) {
      const url = `https://outside.example/${count++}`
      fetcher.answers(url, outside)
      return url
    },
    close() {},
  }
}

testFetcherContract('the node fetcher', openNode)
testFetcherContract('the scripted fetcher', openScript)
