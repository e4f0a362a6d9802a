import { expect, test } from 'bun:test'
import { SETTINGS } from '../../../../test/contract/records.ts'
import { isPageOf } from './page-origin.ts'

interface Lists {
  readonly domains?: readonly string[]
  readonly origins?: readonly string[]
}

function isPage({ domains = [], origins = [] }: Lists, origin: string | undefined): boolean {
  const settings = { ...SETTINGS, allowedOrigins: origins }
  return isPageOf({ allowedDomains: domains, settings }, origin)
}

const TWO = { domains: ['editor.example', 'localhost:3000'] }

test.each([
  ['any origin where nothing is listed', {}, 'https://a.example', true],
  ['who is no page, whatever is listed', TWO, undefined, true],
  ['an allowed domain', TWO, 'https://editor.example', true],
  ['an allowed domain over http', TWO, 'http://editor.example', true],
  ['an allowed domain in capitals', TWO, 'https://EDITOR.example', true],
  ['an allowed domain with its port', TWO, 'http://localhost:3000', true],
  ['a domain whose port is not the one', TWO, 'http://localhost:3001', false],
  ['a domain whose port is not named', TWO, 'https://editor.example:8443', false],
  ['a subdomain', TWO, 'https://a.editor.example', false],
  ['a domain that ends alike', TWO, 'https://myeditor.example', false],
  ['a page without an origin', TWO, 'null', false],
  ['an empty origin', TWO, '', false],
  ['an allowed origin', { origins: ['https://a.example'] }, 'https://a.example', true],
  ['an origin that is not listed', { origins: ['https://a.example'] }, 'https://b.example', false],
  [
    'an origin that only one of two lists names',
    { domains: ['editor.example'], origins: ['https://a.example'] },
    'https://editor.example',
    false,
  ],
] as const)('%s', (...row) => {
  const [, lists, origin, isIn] = row
  expect(isPage(lists, origin)).toBe(isIn)
})
