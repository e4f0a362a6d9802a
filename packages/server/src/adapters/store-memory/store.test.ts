import { REGIONS } from '../../../../../test/contract/records.ts'
import { testStoreContract } from '../../../../../test/contract/store.ts'
import { openMemoryStore } from './store.ts'

testStoreContract('the memory store', { open: async () => openMemoryStore(REGIONS) })
