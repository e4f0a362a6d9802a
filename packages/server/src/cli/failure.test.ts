import { expect, test } from 'bun:test'
import { Outage } from '../ports/outage.ts'
import { describeFailure } from './failure.ts'

const QUIET = { showsStack: false }

test('an outage is one line with its code', () => {
  const outage = new Outage('store_locked', 'the database is in use; stop the other server', {
    port: 'store',
  })
  expect(describeFailure(outage, QUIET)).toBe(
    'lockgate: the database is in use; stop the other server (store_locked)\n',
  )
})

test('an error that says what the problem is, is that line', () => {
  const error = Object.assign(new Error('EADDRINUSE'), { problem: 'port 8080 is in use' })
  expect(describeFailure(error, QUIET)).toBe('lockgate: port 8080 is in use\n')
})

test('any other failure is one line, and its stack is shown on request only', () => {
  const error = new TypeError('first line\nsecond line')
  expect(describeFailure(error, QUIET)).toBe(
    'lockgate: unexpected failure: first line; --log-level debug shows where\n',
  )
  expect(describeFailure(error, { showsStack: true })).toContain('failure.test.ts')
  expect(describeFailure('text', QUIET)).toContain('something was thrown')
})
