/** Apps with editors, documents in a Worker, and Yjs sessions without sockets, on a clock by hand. */
import { YjsDocumentEngine } from '../../packages/server/src/adapters/document-engine-yjs/engine.ts'
import { createMemoryPins } from '../../packages/server/src/adapters/document-pins-memory/document-pins.ts'
import { systemTurns } from '../../packages/server/src/adapters/system/turns.ts'
import { DocumentFigures } from '../../packages/server/src/core/documents/document-figures.ts'
import { DocumentHub } from '../../packages/server/src/core/documents/document-hub.ts'
import { DocumentRegions } from '../../packages/server/src/core/documents/regions.ts'
import { EditorDoor } from '../../packages/server/src/credentials/documents/document-door.ts'
import type { Frame, PacedOutbox } from '../../packages/server/src/ports/fanout.ts'
import type {
  Admission,
  Session,
  UpgradeRequest,
} from '../../packages/server/src/sessions/session.ts'
import { yjsProtocol } from '../../packages/server/src/sessions/yjs/admission.ts'
import { HocuspocusEncoders } from '../../packages/server/src/sessions/yjs/document-frames.ts'
import type { YjsDeps } from '../../packages/server/src/sessions/yjs/yjs-deps.ts'
import { type DoorWorld, openDoorWorld } from './mqtt-door-world.ts'
import { RecordingFanout } from './recording-fanout.ts'
import { until } from './wait.ts'

export const HOST = 'eu.host.example'

const hexOf = (frame: Uint8Array) => Buffer.from(frame).toString('hex')

/** One connection, with everything it was sent. */
export class YjsWire implements PacedOutbox {
  readonly hasRoom = true
  readonly frames: Uint8Array[] = []
  closed: { code: number; reason: string } | undefined
  isPaused = false
  session!: Session

  send(frame: Frame): void {
    if (typeof frame === 'string') throw new Error('editors are sent bytes')
    if (this.closed === undefined) this.frames.push(frame)
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason }
  }

  receive(...frames: readonly Frame[]): void {
    for (const frame of frames) this.session.receive(frame)
  }

  /** What came since the last call, in hex. */
  take(): string[] {
    return this.frames.splice(0).map(hexOf)
  }

  /** Waits for a frame that begins so, and takes it out. */
  async next(prefix: string): Promise<string> {
    const taken = await until(`a frame ${prefix}`, () => {
      const at = this.frames.findIndex((frame) => hexOf(frame).startsWith(prefix))
      return at < 0 ? undefined : this.frames.splice(at, 1)
    })
    return taken.map(hexOf).join('')
  }

  async end(): Promise<{ code: number; reason: string }> {
    return until('the close', () => this.closed)
  }
}

export interface YjsWorld extends DoorWorld {
  readonly documents: DocumentHub
  readonly engine: YjsDocumentEngine
  readonly deps: YjsDeps
  readonly wires: YjsWire[]
  admit(request: Partial<UpgradeRequest>): Promise<Admission | undefined>
  connect(request: Partial<UpgradeRequest>): Promise<YjsWire>
  /** Lets time pass, and every connection look at it. */
  pass(ms: number): void
}

/** @param options.guardTexts limits of the installation. */
export async function openYjsWorld(
  options: { readonly guardTexts?: readonly string[] } = {},
): Promise<YjsWorld> {
  const world = await openDoorWorld(options.guardTexts)
  const { core, hub, tally, time, parts } = world
  const { clock, random } = core.administration
  const { authority } = core
  const nothing = () => {}
  // What fails is in the tally; an engine that is stopped under a document is an outage.
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const recordDenial: YjsDeps['recordDenial'] = (attempt, owner) =>
    void world.denials.push({ ...attempt, owner })
  const engine = new YjsDocumentEngine({ clock })
  const pins = createMemoryPins({ clock })
  const rows = [
    { code: 'eu', url: `wss://${HOST}` },
    { code: 'us', url: 'wss://us.host.example' },
  ]
  const documents = new DocumentHub({
    engine,
    pins,
    regions: new DocumentRegions('eu', rows, { pins }),
    homeOf: () => {
      throw new Error('nothing is kept here')
    },
    fanout: new RecordingFanout(),
    figures: new DocumentFigures(),
    turns: systemTurns,
    clock,
    log,
  })
  const { bearers, guard, limitBook } = parts
  const door = new EditorDoor({ apps: authority.apps, bearers, guard, clock, recordDenial })
  const prefixes = ['/ws', '/collaboration']
  const encoders = new HocuspocusEncoders()
  const shared = { guard, limitBook, directory: authority.apps, hub, documents, door }
  const ports = { encoders, tally, clock, random, log, recordDenial }
  const deps: YjsDeps = { ...shared, ...ports, prefixes }
  const protocol = yjsProtocol(deps)
  const wires: YjsWire[] = []
  const whole: YjsWorld = {
    ...world,
    documents,
    engine,
    deps,
    wires,
    async admit(request) {
      return protocol.admit({ ...REQUEST, ...request })
    },
    async connect(request) {
      const admission = await whole.admit(request)
      if (admission?.kind !== 'session') throw new Error(`not let in: ${JSON.stringify(admission)}`)
      const wire = new YjsWire()
      const inflow = {
        pause() {
          wire.isPaused = true
        },
        resume() {
          wire.isPaused = false
        },
      }
      wire.session = admission.start(wire, inflow)
      wire.session.open()
      wires.push(wire)
      return wire
    },
    pass(ms) {
      time.ms += ms
      for (const { session } of wires) session.tick(time.ms)
    },
  }
  return whole
}

const REQUEST: UpgradeRequest = {
  path: '/',
  isUnderPrefix: true,
  query: '',
  origin: undefined,
  subprotocols: [],
  authorization: undefined,
  host: HOST,
  isTls: false,
  source: () => ({ ip: '192.0.2.9', agent: '' }),
}
