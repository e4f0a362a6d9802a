import { expect, test } from 'bun:test'
import { openNameServer } from '../../../../../test/support/name-server.ts'
import { resolveName } from './target.ts'

test('names whose servers say nothing hold up no other name', async () => {
  const server = await openNameServer('good', [192, 0, 2, 7])
  try {
    // More than any pool of threads has; nobody waits for them, and their time is not over.
    const silent = Array.from({ length: 64 }, (_, index) => `silent-${index}.example`)
    let settledCount = 0
    const settled = () => void settledCount++
    for (const name of silent) void resolveName(name).then(settled, settled)
    expect(await resolveName('good.example')).toEqual(['192.0.2.7'])
    expect(settledCount).toBe(0)
    expect(new Set(server.asked).size).toBe(65)
  } finally {
    server.close()
  }
})

test('names of the machine itself are known without a name server', async () => {
  expect(await resolveName('localhost')).toContain('127.0.0.1')
})
