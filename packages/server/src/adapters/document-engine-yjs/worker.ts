/**
 * The Worker that holds every open document, so that an update which is large or made to be slow
 * holds this thread and never the event loop. One packet of calls at a time, in order.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { PacketReader, PacketWriter } from './bytes-packet.ts'
import { DocumentTable } from './document-table.ts'
import { readCall, writeAnswer } from './worker-protocol.ts'
import { boundYjs, SharedProgress } from './yjs-bounds.ts'

/** Two sweeps without a use, and a document is bytes again. */
const SWEEP_MS = 2_000

function serve(port: NonNullable<typeof parentPort>): void {
  const progress = new SharedProgress(workerData as SharedArrayBuffer)
  boundYjs(progress)
  const table = new DocumentTable(
    () => progress.begin(),
    () => performance.now(),
  )
  const answers = new PacketWriter()
  port.on('message', (packet: ArrayBuffer) => {
    const calls = new PacketReader(packet)
    for (let left = calls.number(); left > 0; left--) {
      const call = readCall(calls)
      if (call.kind === 'close') table.close(call.document)
      else writeAnswer(answers, table.answer(call))
    }
    const answer = answers.take()
    port.postMessage(answer, [answer])
  })
  setInterval(() => table.sweep(), SWEEP_MS)
}

if (parentPort === null) throw new Error('worker.ts runs as a Worker only')
serve(parentPort)
