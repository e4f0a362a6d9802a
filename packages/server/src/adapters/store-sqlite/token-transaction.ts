/** Connection tokens in one transaction of a region's database. */
import type {
  ConnectionTokenEnd,
  ConnectionTokenPage,
  ConnectionTokenRecords,
} from '../../ports/connection-token-records.ts'
import type {
  ConnectionTokenRecord,
  ConnectionTokenSelector,
} from '../../ports/records/connection-token.ts'
import { DeliveryTransaction } from './delivery-transaction.ts'
import {
  endTokens,
  findToken,
  listTokens,
  saveToken,
  sweepTokens,
  tokenOf,
} from './token-queries.ts'

export class TokenTransaction extends DeliveryTransaction implements ConnectionTokenRecords {
  saveConnectionTokens(tokens: readonly ConnectionTokenRecord[]): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change(tokens.map(saveToken))
    })
  }

  findConnectionToken(id: string): Promise<ConnectionTokenRecord | undefined> {
    return this.calls.run(async () => {
      const [row] = await this.calls.read(findToken(id))
      return row && tokenOf(row)
    })
  }

  listConnectionTokens(page: ConnectionTokenPage): Promise<readonly ConnectionTokenRecord[]> {
    return this.calls.run(async () => (await this.calls.read(listTokens(page))).map(tokenOf))
  }

  endConnectionTokens(
    selector: ConnectionTokenSelector,
    end: ConnectionTokenEnd,
  ): Promise<readonly string[]> {
    return this.calls.run(async () => {
      const [alive, others] = endTokens(selector, end)
      const ids = (await this.calls.read(alive)).map(({ id }) => id)
      await this.calls.change([others])
      return ids.sort((a, b) => (a < b ? -1 : 1))
    })
  }

  sweepConnectionTokens(beforeMs: number): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change([sweepTokens(beforeMs)])
    })
  }
}
