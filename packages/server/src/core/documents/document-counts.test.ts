import { afterAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  DocumentWorld,
  type Editor,
  NO_LIMITS,
} from '../../../../../test/support/document-world.ts'
import { GRACE_MS } from './document-hub.ts'

const NAMES = ['a', 'b', 'c']
const LIMITS = { ...NO_LIMITS, documentCountMax: 2, usersPerDocumentMax: 2 }

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('open' as const),
      who: fc.nat(4),
      name: fc.constantFrom(...NAMES),
    }),
    fc.record({ kind: fc.constant('leave' as const), who: fc.nat(4) }),
    fc.record({ kind: fc.constantFrom('wait' as const, 'fail' as const, 'mend' as const) }),
  ),
  { maxLength: 40 },
)

const worlds: DocumentWorld[] = []
afterAll(() => Promise.all(worlds.map(({ engine }) => engine.stop())))

test('documents and users are counted as they are, whoever comes, fails, leaves or waits', async () => {
  const world = new DocumentWorld({ settings: { documentPersistence: true } })
  worlds.push(world)
  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      const editors = Array.from({ length: 5 }, () => world.editor())
      /** Who is in which document, and those that wait for somebody to come back. */
      const model = new Map<string, Set<number>>()
      let isFailing = false
      for (const step of run) {
        if (step.kind === 'wait') {
          world.clock.pass(GRACE_MS)
          await world.hub.tick()
          for (const [name, users] of model) if (users.size === 0) model.delete(name)
        } else if (step.kind === 'fail' || step.kind === 'mend') {
          isFailing = step.kind === 'fail'
          if (isFailing) world.store.failing.add('load')
          else world.store.failing.delete('load')
        } else if ('who' in step) await move(editors, { step, model, isFailing })
        const users = [...model.values()].reduce((sum, { size }) => sum + size, 0)
        expect([world.figures.documents, world.figures.seats]).toEqual([model.size, users])
        expect(world.hub.usage(world.space, LIMITS).documentCount).toBe(model.size)
      }
      world.store.failing.clear()
      for (const editor of editors) editor.leave()
      world.clock.pass(GRACE_MS)
      await world.hub.tick()
      expect([world.figures.documents, world.figures.seats]).toEqual([0, 0])
    }),
    { numRuns: 60 },
  )
})

async function move(
  editors: readonly Editor[],
  of: {
    readonly step:
      | { readonly kind: 'open'; readonly who: number; readonly name: string }
      | { readonly kind: 'leave'; readonly who: number }
    readonly model: Map<string, Set<number>>
    readonly isFailing: boolean
  },
): Promise<void> {
  const { step, model, isFailing } = of
  const editor = editors[step.who]
  if (editor === undefined) return
  if (step.kind === 'leave' || editor.seat !== undefined) {
    for (const users of model.values()) users.delete(step.who)
    editor.leave()
  }
  if (step.kind === 'leave') return
  const users = model.get(step.name)
  const expected = expectedOf(users, { documentCount: model.size, isFailing })
  const told = await editor.ask(step.name, { limits: LIMITS }).then(
    (refused) => refused?.refusal,
    () => 'outage' as const,
  )
  expect(told).toBe(expected)
  if (expected === undefined) model.set(step.name, new Set([...(users ?? []), step.who]))
}

function expectedOf(
  users: Set<number> | undefined,
  at: { readonly documentCount: number; readonly isFailing: boolean },
) {
  if (users !== undefined) return users.size >= 2 ? 'document_users_full' : undefined
  if (at.documentCount >= 2) return 'documents_full'
  return at.isFailing ? 'outage' : undefined
}
